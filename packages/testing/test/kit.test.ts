import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { TimeoutError } from '@parlance/core'
import { defineContract, inRounds, runSeed, seededRandom, temporaryFolder, until } from '@parlance/testing'
import { afterAll, describe, expect, it, vi } from 'vitest'

describe('inRounds', () => {
  it('draws every kind once before any comes again, in an order of its own each time', () => {
    const kinds = ['a', 'b', 'c', 'd', 'e']
    const drawn = inRounds(kinds, 23, seededRandom(5))
    expect(drawn).toHaveLength(23)
    const rounds = [0, 5, 10, 15, 20].map((from) => drawn.slice(from, from + 5))
    for (const round of rounds.slice(0, 4)) expect(round.toSorted()).toEqual(kinds)
    expect(new Set(rounds.map((round) => round.join(''))).size).toBe(5)
    expect(new Set(rounds[4]).size).toBe(3)
    expect(inRounds(kinds, 23, seededRandom(5))).toEqual(drawn)
    expect(inRounds([], 3, seededRandom(5))).toEqual([])
  })
})

describe('seededRandom', () => {
  it('repeats itself for a seed, and differs for another', () => {
    const draw = (seed: number): number[] => {
      const random = seededRandom(seed)
      return Array.from({ length: 20 }, () => random.next())
    }
    expect(draw(7)).toEqual(draw(7))
    expect(draw(7)).not.toEqual(draw(8))
  })

  it('stays in its ranges and reaches all of them', () => {
    const random = seededRandom(1)
    const drawn = Array.from({ length: 500 }, () => random.int(4))
    expect(new Set(drawn)).toEqual(new Set([0, 1, 2, 3]))
    expect(new Set(Array.from({ length: 100 }, () => random.pick(['a', 'b'])))).toEqual(new Set(['a', 'b']))
    expect(random.bytes(10)).toHaveLength(10)
    for (let count = 0; count < 1_000; count++) {
      const next = random.next()
      expect(next >= 0 && next < 1).toBe(true)
    }
  })

  it('takes its seed from the environment, to repeat a run', () => {
    vi.stubEnv('PARLANCE_SEED', '42')
    expect(runSeed()).toBe(42)
    vi.unstubAllEnvs()
    expect(Number.isInteger(runSeed())).toBe(true)
  })
})

describe('until', () => {
  it('asks until the condition yields something, taking throws for "not yet"', async () => {
    let asked = 0
    const value = await until('it is there', () => {
      asked++
      if (asked === 1) throw new Error('not yet')
      return asked === 2 ? undefined : 'there'
    })
    expect([value, asked]).toEqual(['there', 3])
  })

  it('says what it waited for, and the last it saw, when it gives up', async () => {
    const never = until('pigs fly', () => Promise.reject(new Error('on the ground')), 10)
    await expect(never).rejects.toThrow(TimeoutError)
    await expect(never).rejects.toThrow('waited in vain until pigs fly; last: on the ground')
  })
})

describe('temporaryFolder', () => {
  it('is a folder of its own, gone with what is in it', () => {
    const [one, two] = [temporaryFolder(), temporaryFolder()]
    expect(one.path).not.toBe(two.path)
    writeFileSync(join(one.path, 'file'), 'x')
    one.remove()
    one.remove()
    two[Symbol.dispose]()
    expect([existsSync(one.path), existsSync(two.path)]).toEqual([false, false])
  })
})

describe('defineContract', () => {
  const events: string[] = []
  const contract = defineContract<{ readonly size: number }>()('Box', {
    'has a size': (box) => {
      events.push(`case ${box.size}`)
      expect(box.size).toBeGreaterThan(0)
    },
    'is small': (box) => expect(box.size).toBeLessThan(5),
  })

  contract('right', {
    open: () => ({ size: 3 }),
    close: (box) => void events.push(`close ${box.size}`),
  })
  contract('deviating', { open: () => ({ size: 9 }), deviations: { 'is small': 'it is large' } })

  afterAll(() => {
    expect(events).toEqual(['case 3', 'close 3', 'close 3', 'case 9'])
  })
})
