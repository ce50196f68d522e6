import { defineEntity, field, InvalidRowError } from '@parlance/cached-repository'
import { noMetrics } from '@parlance/core'
import { createCache } from '@parlance/rockscache'
import { createEmbeddedCacheStore } from '@parlance/rockscache/embedded'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { LocalCache } from '../src/cache/local-cache.ts'
import { ReadPath } from '../src/cache/read-path.ts'
import { VirtualClock } from '@parlance/testing'
import { type House, openHouse } from './open-house.ts'

const notes = defineEntity('note', {
  fields: { id: field.number(), topic: field.string(), place: field.string(), text: field.string() },
  key: ['id'],
  views: (v) => ({
    ofTopic: v.rows({ by: 'topic' }),
    countOfPlace: v.count({ by: 'place' }),
    changesOfTopic: v.changes({ by: 'topic' }),
  }),
})
const note = { id: 1, topic: 't', place: 'p', text: 'x' }
const long = 'x'.repeat(897)

let house: House

beforeEach(() => {
  house = openHouse()
})
afterEach(async () => {
  await house.close()
  house.folder.remove()
})

it.each([
  ['put', { ...note, place: long }],
  ['put', { ...note, topic: long }],
  ['put', { ...note, place: 'é'.repeat(449) }],
] as const)('a %s whose row no view could be named by is undone, and no view goes stale', async (_, row) => {
  const repository = house.repositories.of(notes)
  await repository.put(note)
  const other = { ...note, id: 2, topic: 'u' }
  const views = async () => [
    await repository.get({ id: 1 }),
    await repository.ofTopic({ topic: 't' }),
    await repository.countOfPlace({ place: 'p' }),
    await repository.get({ id: 2 }),
  ]
  const before = await views()
  await expect(repository.putMany([other, row])).rejects.toThrow(InvalidRowError)
  await expect(repository.patch({ id: 1 }, { topic: row.topic, place: row.place })).rejects.toThrow(
    /by of note\.\w+ is longer than \d+ bytes: use shorter values/,
  )
  expect(await views()).toEqual(before)
  expect(await repository.get({ id: 1 }, { read: 'store' })).toEqual(note)
  await repository.patch({ id: 1 }, { text: 'y' })
  expect(await repository.ofTopic({ topic: 't' })).toEqual([{ ...note, text: 'y' }])
})

it('a key that is settled without having been suspended is not pending', () => {
  const clock = new VirtualClock()
  const local = new LocalCache({ maxBytes: 1_000, ttlMs: 1_000, clock, metrics: noMetrics, random: () => 0 })
  const reads = new ReadPath(local, createCache({ store: createEmbeddedCacheStore() }), 1_000, 0)
  reads.settle(['note:1'])
  expect(reads.pendingCount).toBe(0)
  reads.suspend(new Set(['note:1']))
  reads.suspend(new Set(['note:1']))
  reads.settle(['note:1'])
  expect(reads.pendingCount).toBe(1)
  reads.settle(['note:1'])
  expect(reads.pendingCount).toBe(0)
})
