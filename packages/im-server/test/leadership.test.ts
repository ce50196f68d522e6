import { VirtualClock } from '@parlance/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Leadership } from '../src/domain/leadership.ts'
import { type ImWorld, imWorld } from './support/im-world.ts'

describe('one process at a time does a work', () => {
  let world: ImWorld
  let clock: VirtualClock
  const started: Leadership[] = []
  const leading = new Set<string>()

  beforeEach(async () => {
    clock = new VirtualClock()
    world = await imWorld()
    leading.clear()
  })
  afterEach(async () => {
    for (const one of started.splice(0)) await one.stop()
    await world.close()
  })

  async function candidate(owner: string, repositories = world.repositories): Promise<Leadership> {
    const one = new Leadership({
      repositories,
      work: 'tidying',
      owner,
      clock,
      onChange: (isLeader) => void (isLeader ? leading.add(owner) : leading.delete(owner)),
    })
    started.push(one)
    await one.start()
    return one
  }

  /** Lets time pass in steps that every candidate notices. */
  async function pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 500) {
      await clock.advance(500)
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  it('the first that comes, for as long as it is there', async () => {
    await candidate('a')
    await candidate('b')
    expect([...leading]).toEqual(['a'])
    await pass(60_000)
    expect([...leading]).toEqual(['a'])
  })

  it('another one as soon as it looks when the leader has stopped', async () => {
    const a = await candidate('a')
    await candidate('b')
    await a.stop()
    expect([...leading]).toEqual([])
    await pass(3_000)
    expect([...leading]).toEqual(['b'])
  })

  it('tries again to begin what it could not begin, and to end what it could not end', async () => {
    const calls: boolean[] = []
    let isBroken = true
    const one = new Leadership({
      repositories: world.repositories,
      work: 'tidying',
      owner: 'a',
      clock,
      onChange(isLeader) {
        calls.push(isLeader)
        if (isBroken) throw new Error('not now')
      },
    })
    started.push(one)
    await one.start()
    isBroken = false
    await pass(9_000)
    expect(calls).toEqual([true, true])
    isBroken = true
    await world.repositories.leases.patch({ work: 'tidying' }, { owner: 'b' })
    await pass(3_000)
    isBroken = false
    await pass(3_000)
    expect(calls).toEqual([true, true, false, false])
  })

  it('another one when the leader is not heard of for ten seconds, and never two: it has resigned by then', async () => {
    let isCut = false
    const { leases } = world.repositories
    const cut = {
      leases: new Proxy(leases, {
        get(target, name) {
          const method = (target as unknown as Record<PropertyKey, (...given: unknown[]) => unknown>)[name]!
          return (...given: unknown[]) => (isCut ? Promise.reject(new Error('cut off')) : method.apply(target, given))
        },
      }),
    }
    await candidate('a', { ...world.repositories, ...cut })
    await candidate('b')
    isCut = true
    const seen: string[] = []
    for (let step = 0; step < 40; step++) {
      await pass(500)
      seen.push([...leading].join())
    }
    expect([...new Set(seen)]).toEqual(['a', '', 'b'])
    isCut = false
    await pass(20_000)
    expect([...leading]).toEqual(['b'])
  })
})
