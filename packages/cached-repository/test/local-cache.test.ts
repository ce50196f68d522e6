import { noMetrics } from '@parlance/core'
import { settle, VirtualClock } from '@parlance/testing'
import { beforeEach, expect, it } from 'vitest'
import { LocalCache } from '../src/cache/local-cache.ts'

const sizeOf = (): number => 10
let clock: VirtualClock
let cache: LocalCache

beforeEach(() => {
  clock = new VirtualClock()
  cache = new LocalCache({ maxBytes: 10_000, ttlMs: 1_000, clock, metrics: noMetrics, random: () => 0.5 })
})

function pending<T>() {
  let resolve!: (value: T) => void
  const promise = new Promise<T>((done) => (resolve = done))
  return { promise, resolve }
}

it('keeps nothing of a load that a drop ended, whether or not another one came after it', async () => {
  const old = pending<string>()
  const first = cache.fetch('k', () => old.promise, sizeOf)
  const many = cache.fetchMany('km'.split(''), async () => new Map([['m', await old.promise]]), sizeOf)
  cache.drop(['k', 'm'])
  expect(await cache.fetch('k', async () => 'new', sizeOf)).toBe('new')
  old.resolve('old')
  expect([await first, await many]).toEqual(['old', ['old', 'old']])
  await settle()
  expect(cache.peek('k')?.value).toBe('new')
  expect(cache.peek('m')).toBeUndefined()
})

it('keeps nothing of a load that a flush ended', async () => {
  const old = pending<string>()
  const first = cache.fetch('k', () => old.promise, sizeOf)
  cache.flush()
  old.resolve('old')
  await first
  await settle()
  expect(cache.peek('k')).toBeUndefined()
})

it('lets a value go when its jittered time is over', async () => {
  await cache.fetch('k', async () => 'v', sizeOf)
  await clock.advance(949)
  expect(cache.peek('k')?.value).toBe('v')
  await clock.advance(2)
  expect(cache.peek('k')).toBeUndefined()
})

it('has let a value go when its whole time is over, however little of it the jitter takes', async () => {
  cache = new LocalCache({ maxBytes: 10_000, ttlMs: 1_000, clock, metrics: noMetrics, random: () => 0 })
  await cache.fetch('k', async () => 'v', sizeOf)
  await clock.advance(999)
  expect(cache.peek('k')?.value).toBe('v')
  await clock.advance(1)
  expect(cache.peek('k')).toBeUndefined()
})
