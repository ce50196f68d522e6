import { OverloadedError } from '@parlance/core'
import type { ReadRecord } from '@parlance/notification-bus'
import { settle, temporaryFolder, until } from '@parlance/testing'
import { describe, expect, it } from 'vitest'
import { type Appended, appended, type Line, line, lines, passedOn, texts } from './lines.ts'
import { house, repository } from './lines-house.ts'
import { openHouse } from './open-house.ts'

describe('appending', () => {
  it('numbers rows in order, per stream, everything of a moment in one batch and one announcement', async () => {
    const seen: Appended[] = []
    await house.log.subscribe(
      'line.appended',
      'test',
      async (records: readonly ReadRecord[]) => {
        seen.push(...records.map(({ payload }) => appended.schema.decode(payload)))
      },
      { maxBatch: 10 },
    )
    const results = await Promise.all([
      repository.append('s', [line('1'), line('2')]),
      repository.append('t', [line('one')]),
      repository.append('s', [line('3')]),
    ])
    expect(results.map((result) => result.map(({ seq }) => seq))).toEqual([[1, 2], [1], [3]])
    expect(texts(await repository.range('s', 1, 100))).toEqual(['1', '2', '3'])
    await until('both announcements arrived', () => seen.length === 2)
    expect(seen.toSorted((one, other) => (one.stream < other.stream ? -1 : 1))).toEqual([
      { stream: 's', first: 1, last: 3, texts: ['1', '2', '3'] },
      { stream: 't', first: 1, last: 1, texts: ['one'] },
    ])
  })

  it('stores a repeat once; only what is new is announced and marked', async () => {
    const seen: Appended[] = []
    await house.log.subscribe(
      'line.appended',
      'test',
      async (records: readonly ReadRecord[]) => {
        seen.push(...records.map(({ payload }) => appended.schema.decode(payload)))
      },
      { maxBatch: 10 },
    )
    await repository.append('s', [line('1', 'a', 'x')])
    const again = await repository.append('s', [line('1', 'a', 'x'), line('2', 'b'), line('1', 'a', 'x')])
    expect(again).toEqual([
      { seq: 1, repeated: true },
      { seq: 2, repeated: false },
      { seq: 1, repeated: true },
    ])
    await repository.append('s', [line('1', 'a', 'x')])
    await repository.append('s', [line('3')])
    expect(
      await repository.lastBy([
        { stream: 's', value: 'a' },
        { stream: 's', value: 'b' },
      ]),
    ).toEqual([3, 2])
    await until('the announcements arrived', () => seen.length === 3)
    expect(seen.map(({ first, last, texts: said }) => [first, last, ...said])).toEqual([
      [1, 1, '1'],
      [2, 2, '2'],
      [3, 3, '3'],
    ])
  })

  it('last views know the highest seq of a value, 0 for none, and skip entries without a value', async () => {
    await repository.append('s', [line('hey!', 'a'), line('hm', 'a'), line('ho', 'b')])
    await repository.append('t', [line('hm', 'a')])
    const ask = (name: string, value: string) => ({ stream: name, value })
    expect(
      await repository.lastBy([ask('s', 'a'), ask('s', 'b'), ask('t', 'a'), ask('t', 'b'), ask('u', 'a')]),
    ).toEqual([2, 3, 1, 0, 0])
    expect(await repository.lastLoud([ask('s', 'loud'), ask('t', 'loud')])).toEqual([1, 0])
    expect(await repository.lastBy([])).toEqual([])
  })

  it('refuses an entry that is too large, and no other', async () => {
    const results = await Promise.allSettled([
      repository.append('s', [line('1'), line('x'.repeat(1_000))]),
      repository.append('s', [line('2')]),
    ])
    expect(results[0]).toMatchObject({ status: 'rejected', reason: { code: 'REPOSITORY_INVALID_ROW' } })
    expect(results[1]).toMatchObject({ status: 'fulfilled', value: [{ seq: 1 }] })
  })

  it('a stream whose announcement cannot be made fails alone', async () => {
    const results = await Promise.allSettled([
      repository.append('s', [line('fine')]),
      repository.append('t', [line('unspeakable')]),
      repository.append('u', [line('fine too')]),
    ])
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(await repository.heads(['s', 't', 'u'])).toEqual([
      { head: 1, floor: 0 },
      { head: 0, floor: 0 },
      { head: 1, floor: 0 },
    ])
    expect(await repository.range('t', 1, 10)).toEqual([])
  })

  it('shows nothing before it is durable, and nothing at all when the disk fails', async () => {
    let isBroken = false
    const broken = openHouse(undefined, temporaryFolder(), {
      beforeCommit: () => {
        if (isBroken) throw Object.assign(new Error('no space'), { code: 'SQLITE_FULL' })
      },
    })
    const fragile = broken.repositories.ofStream(lines)
    await fragile.append('s', [line('1')])
    isBroken = true
    const failing = fragile.append('s', [line('2')])
    expect(texts(await fragile.range('s', 1, 10))).toEqual(['1'])
    await expect(failing).rejects.toMatchObject({ code: 'SQLITE_DISK_FULL' })
    expect(texts(await fragile.range('s', 1, 10))).toEqual(['1'])
    expect(await fragile.lastBy([{ stream: 's', value: 'a' }])).toEqual([1])
    isBroken = false
    expect(await fragile.append('s', [line('3')])).toEqual([{ seq: 2, repeated: false }])
    expect(texts(await fragile.range('s', 1, 10))).toEqual(['1', '3'])
    await broken.close()
    broken.folder.remove()
  })

  it('refuses what would wait beyond its bound', async () => {
    const stuck = openHouse(({ streams }) => ({
      streams: {
        ...passedOn(streams),
        append: () => new Promise<never>(() => undefined),
      },
    }))
    const waiting = stuck.repositories.ofStream(lines)
    const rows = Array<Line>(10_000).fill(line('x'))
    const outcomes: string[] = []
    for (let call = 0; call < 21; call++)
      waiting.append('s', rows).then(
        () => outcomes.push('stored'),
        (error: unknown) => outcomes.push(error instanceof OverloadedError ? 'refused' : String(error)),
      )
    await settle()
    expect(outcomes).toEqual(['refused'])
    await expect(waiting.append('s', [...rows, line('x')])).rejects.toThrow('it takes at most 10000: split the call')
    await stuck.close()
    stuck.folder.remove()
  })

  it('fails every caller when the engine is closed', async () => {
    const other = openHouse()
    const closed = other.repositories.ofStream(lines)
    await other.close()
    await expect(closed.append('s', [line('1')])).rejects.toMatchObject({ code: 'CORE_CLOSED' })
    await expect(closed.append('s', [line('1')])).rejects.toMatchObject({ code: 'CORE_CLOSED' })
    other.folder.remove()
  })
})
