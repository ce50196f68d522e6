import { AssertionError, deepEqual, equal, ok } from 'node:assert/strict'
import type { Milliseconds } from '@parlance/core'
import { defineContract } from '@parlance/testing'
import type { CacheStore } from '../cache-store.ts'

/** A store under test, and a way to let its time pass: a virtual clock's, or the real one's where the store has its own. */
export interface CacheStoreBench {
  readonly store: CacheStore
  readonly pass: (timeMs: Milliseconds) => Promise<void>
}

const ttlMs = 60_000
const leaseMs = 10_000
/** Times that a case lets pass; short, for stores on real time. */
const shortMs = 60
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const text = (value: Uint8Array | undefined): string | undefined => value && new TextDecoder().decode(value)

/** Leases and fills a key. */
async function put(store: CacheStore, key: string, value: string | undefined, lifeMs = ttlMs): Promise<void> {
  const owner = `owner of ${key}`
  await store.probe([key], owner, leaseMs)
  await store.fill([{ key, value: value === undefined ? undefined : bytes(value), ttlMs: lifeMs }], owner)
}

/** What a key looks like to somebody new; takes the lease if there is one to take. */
async function look(store: CacheStore, key = 'k', owner = 'stranger'): Promise<string> {
  const [probe] = await store.probe([key], owner, leaseMs)
  if (probe === undefined) return 'no answer'
  if (probe.state === 'hit') return `hit ${text(probe.value)}`
  return probe.stale === undefined ? probe.state : `${probe.state} ${text(probe.stale)}`
}

/**
 * Marks a key as stale for a short time and takes the lease within it; returns both. A store on real time may be slower
 * than the time it was given, on a loaded machine: then it is given more.
 */
async function leaseWhileStale(
  store: CacheStore,
  mark: (key: string, staleForMs: Milliseconds) => Promise<void>,
): Promise<{ readonly key: string; readonly staleForMs: Milliseconds }> {
  const timesMs = [1, 4, 16, 64].map((factor) => factor * shortMs)
  const seen: string[] = []
  for (const staleForMs of timesMs) {
    const key = `stale for ${staleForMs} ms`
    await put(store, key, 'v')
    await mark(key, staleForMs)
    seen.push(await look(store, key, 'a'))
    if (seen.at(-1) === 'leased v') return { key, staleForMs }
  }
  throw new AssertionError({ message: 'no stale value was ever seen', actual: seen, expected: ['leased v'] })
}

/** Tells whether a wait is over, after everything ready has run. */
async function isOver(bench: CacheStoreBench, waiting: Promise<void>): Promise<boolean> {
  let over = false
  const watching = waiting.then(() => {
    over = true
  })
  await Promise.race([watching, bench.pass(shortMs)])
  return over
}

/** What every driver of {@link CacheStore} does. Exact times are not part of it; that they end is. */
export const cacheStoreContract = defineContract<CacheStoreBench>()('CacheStore', {
  'an unknown key is leased to the first who asks and busy for the next': async ({ store }) => {
    equal(await look(store, 'k', 'a'), 'leased')
    equal(await look(store, 'k', 'b'), 'busy')
    const [busy] = await store.probe(['k'], 'c', leaseMs)
    ok(busy?.state === 'busy')
    ok(busy.leftMs > 0 && busy.leftMs <= leaseMs)
  },

  'a fill under the lease makes a hit': async ({ store }) => {
    await store.probe(['k'], 'a', leaseMs)
    deepEqual(await store.fill([{ key: 'k', value: bytes('v'), ttlMs }], 'a'), [true])
    equal(await look(store), 'hit v')
  },

  'an absence is a hit, and a value of no bytes is not an absence': async ({ store }) => {
    await put(store, 'absent', undefined)
    await put(store, 'empty', '')
    const probes = await store.probe(['absent', 'empty'], 'a', leaseMs)
    deepEqual(
      probes.map((probe) => probe.state === 'hit' && probe.value?.byteLength),
      [undefined, 0],
    )
  },

  'bytes come back as they went in, and stay so when the giver changes its own': async ({ store }) => {
    const given = Uint8Array.from({ length: 256 }, (_, index) => index)
    await store.probe(['k'], 'a', leaseMs)
    await store.fill([{ key: 'k', value: given, ttlMs }], 'a')
    given.fill(7)
    const [probe] = await store.probe(['k'], 'b', leaseMs)
    deepEqual(
      probe?.state === 'hit' && Array.from(probe.value ?? []),
      Array.from({ length: 256 }, (_, i) => i),
    )
  },

  'only the owner of the lease may fill': async ({ store }) => {
    await store.probe(['k'], 'a', leaseMs)
    deepEqual(await store.fill([{ key: 'k', value: bytes('v'), ttlMs }], 'b'), [false])
    deepEqual(await store.fill([{ key: 'unknown', value: bytes('v'), ttlMs }], 'a'), [false])
    equal(await look(store), 'busy')
    equal(await look(store, 'unknown'), 'leased')
  },

  'a lease is good for one fill': async ({ store }) => {
    await put(store, 'k', 'v')
    deepEqual(await store.fill([{ key: 'k', value: bytes('w'), ttlMs }], 'owner of k'), [false])
    equal(await look(store), 'hit v')
  },

  'a lease ends by itself, and the fill that comes too late is refused': async ({ store, pass }) => {
    await store.probe(['k', 'l'], 'late', shortMs)
    await pass(2 * shortMs)
    deepEqual(await store.fill([{ key: 'l', value: bytes('v'), ttlMs }], 'late'), [false])
    equal(await look(store, 'k', 'next'), 'leased')
    deepEqual(await store.fill([{ key: 'k', value: bytes('v'), ttlMs }], 'late'), [false])
    deepEqual(await store.fill([{ key: 'k', value: bytes('w'), ttlMs }], 'next'), [true])
    equal(await look(store), 'hit w')
  },

  'a lease on a stale value ends by itself too': async ({ store, pass }) => {
    await put(store, 'k', 'v')
    await store.markStale(['k'], ttlMs)
    await store.probe(['k'], 'late', shortMs)
    await pass(2 * shortMs)
    deepEqual(await store.fill([{ key: 'k', value: bytes('w'), ttlMs }], 'late'), [false])
    equal(await look(store), 'leased v')
  },

  'a value lives for its time': async ({ store, pass }) => {
    await put(store, 'short', 'v', shortMs)
    await put(store, 'long', 'v')
    await put(store, 'absent', undefined, shortMs)
    await pass(2 * shortMs)
    equal(await look(store, 'short'), 'leased')
    equal(await look(store, 'long'), 'hit v')
    equal(await look(store, 'absent'), 'leased')
  },

  'a mark hides the value, which serves as a stale one': async ({ store }) => {
    await put(store, 'k', 'v')
    await store.markStale(['k'], ttlMs)
    equal(await look(store, 'k', 'a'), 'leased v')
    equal(await look(store, 'k', 'b'), 'busy v')
    await store.fill([{ key: 'k', value: bytes('w'), ttlMs }], 'a')
    equal(await look(store), 'hit w')
  },

  'a mark ends the lease: what was loaded before is refused': async ({ store }) => {
    await store.probe(['k'], 'a', leaseMs)
    await store.markStale(['k'], ttlMs)
    deepEqual(await store.fill([{ key: 'k', value: bytes('old'), ttlMs }], 'a'), [false])
    equal(await look(store, 'k', 'b'), 'leased')
    await store.markStale(['k'], ttlMs)
    deepEqual(await store.fill([{ key: 'k', value: bytes('old'), ttlMs }], 'b'), [false])
  },

  'a stale value lives for staleForMs, and no second mark prolongs that': async ({ store, pass }) => {
    const { key, staleForMs } = await leaseWhileStale(store, async (marked, forMs) => {
      await store.markStale([marked], forMs)
      await store.markStale([marked], ttlMs)
    })
    await store.release([key], 'a')
    await pass(2 * staleForMs)
    equal(await look(store, key, 'b'), 'leased')
  },

  'a stale value lives no longer than the value would have': async ({ store, pass }) => {
    await put(store, 'k', 'v', shortMs)
    await store.markStale(['k'], ttlMs)
    await pass(2 * shortMs)
    equal(await look(store), 'leased')
  },

  'a lease does not prolong the stale value under it': async ({ store, pass }) => {
    const { key, staleForMs } = await leaseWhileStale(store, (marked, forMs) => store.markStale([marked], forMs))
    await pass(2 * staleForMs)
    equal(await look(store, key, 'b'), 'busy')
    deepEqual(await store.fill([{ key, value: bytes('w'), ttlMs }], 'a'), [true])
  },

  'a mark for 0 ms leaves nothing, and a marked absence is never stale': async ({ store }) => {
    await put(store, 'k', 'v')
    await put(store, 'absent', undefined)
    await store.markStale(['k'], 0)
    await store.markStale(['absent', 'unknown'], ttlMs)
    equal(await look(store, 'k'), 'leased')
    equal(await look(store, 'absent'), 'leased')
    equal(await look(store, 'unknown'), 'leased')
  },

  'a release lets the next one in, and keeps the old value': async ({ store }) => {
    await put(store, 'old', 'v')
    await store.markStale(['old'], ttlMs)
    await store.probe(['new', 'old'], 'a', leaseMs)
    await store.release(['new', 'old'], 'a')
    equal(await look(store, 'new'), 'leased')
    equal(await look(store, 'old'), 'leased v')
    deepEqual(await store.fill([{ key: 'new', value: bytes('v'), ttlMs }], 'a'), [false])
  },

  'a release by somebody else, or of a value, changes nothing': async ({ store }) => {
    await store.probe(['k'], 'a', leaseMs)
    await store.release(['k', 'unknown'], 'b')
    equal(await look(store), 'busy')
    await put(store, 'l', 'v')
    await store.release(['l'], 'owner of l')
    equal(await look(store, 'l'), 'hit v')
  },

  'keys of one step are independent, and answers come in their order': async ({ store }) => {
    await put(store, 'hit', 'v')
    await store.probe(['busy'], 'b', leaseMs)
    const keys = ['new', 'hit', 'busy', 'lost', 'other']
    const probes = await store.probe(keys, 'a', leaseMs)
    deepEqual(
      probes.map(({ state }) => state),
      ['leased', 'hit', 'busy', 'leased', 'leased'],
    )
    await store.markStale(['lost'], ttlMs)
    const fills = ['busy', 'new', 'lost', 'other'].map((key) => ({ key, value: bytes(key), ttlMs }))
    deepEqual(await store.fill(fills, 'a'), [false, true, false, true])
    const after = await store.probe(keys, 'c', leaseMs)
    deepEqual(
      after.map(({ state }) => state),
      ['hit', 'hit', 'busy', 'leased', 'hit'],
    )
  },

  'steps on no keys do nothing': async ({ store }) => {
    deepEqual(await store.probe([], 'a', leaseMs), [])
    deepEqual(await store.fill([], 'a'), [])
    await store.release([], 'a')
    await store.markStale([], ttlMs)
  },

  'a wait ends at once where there is no lease': async ({ store }) => {
    await put(store, 'k', 'v')
    // No time passes: one that does not end at once is waited for in vain.
    await store.settled('k', ttlMs)
    await store.settled('unknown', ttlMs)
  },

  'a wait goes on while the lease does, and ends by a fill, a release or a mark': async (bench) => {
    const { store } = bench
    const ends: Readonly<Record<string, () => Promise<unknown>>> = {
      fill: () => store.fill([{ key: 'fill', value: bytes('v'), ttlMs }], 'a'),
      release: () => store.release(['release'], 'a'),
      mark: () => store.markStale(['mark'], ttlMs),
    }
    for (const [key, end] of Object.entries(ends)) {
      await store.probe([key], 'a', leaseMs)
      const waits = [store.settled(key, ttlMs), store.settled(key, ttlMs)]
      equal(await isOver(bench, Promise.race(waits)), false)
      await end()
      await Promise.all(waits)
    }
  },

  'a wait ends after its time': async ({ store, pass }) => {
    await store.probe(['k'], 'a', leaseMs)
    const waiting = store.settled('k', shortMs)
    await pass(2 * shortMs)
    await waiting
    equal(await look(store), 'busy')
  },
})
