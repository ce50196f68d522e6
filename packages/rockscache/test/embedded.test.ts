import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { InvalidArgumentError } from '@parlance/core'
import type { CacheStore } from '@parlance/rockscache'
import { cacheStoreContract } from '@parlance/rockscache/contract'
import { createEmbeddedCacheStore, type EmbeddedCacheStore } from '@parlance/rockscache/embedded'
import { VirtualClock } from '@parlance/testing'

cacheStoreContract('embedded', {
  open: () => {
    const clock = new VirtualClock()
    return { store: createEmbeddedCacheStore({ clock }), pass: (timeMs) => clock.advance(timeMs) }
  },
})

/** Every step takes longer than the short times of the contract: on a loaded machine a store on real time does. */
function slow(store: CacheStore, clock: VirtualClock): CacheStore {
  const late = async (): Promise<void> => clock.advance(150)
  return {
    probe: (...given) => late().then(() => store.probe(...given)),
    fill: (...given) => late().then(() => store.fill(...given)),
    release: (...given) => late().then(() => store.release(...given)),
    markStale: (...given) => late().then(() => store.markStale(...given)),
    settled: (...given) => store.settled(...given),
  }
}

cacheStoreContract('embedded, and slow', {
  open: () => {
    const clock = new VirtualClock()
    return { store: slow(createEmbeddedCacheStore({ clock }), clock), pass: (timeMs) => clock.advance(timeMs) }
  },
})

async function put(store: EmbeddedCacheStore, key: string, byteCount: number, ttlMs = 60_000): Promise<boolean> {
  await store.probe([key], key, 1_000)
  return (await store.fill([{ key, value: new Uint8Array(byteCount), ttlMs }], key))[0] === true
}

const isHit = async (store: EmbeddedCacheStore, key: string): Promise<boolean> =>
  (await store.probe([key], 'looker', 1))[0]?.state === 'hit'

describe('the embedded store', () => {
  it('lets the entries go that were used least recently', async () => {
    const store = createEmbeddedCacheStore({ clock: new VirtualClock(), maxBytes: 16_384 })
    for (const key of ['a', 'b', 'c', 'd']) await put(store, key, 3_000)
    expect(await isHit(store, 'a')).toBe(true)
    await put(store, 'e', 3_000)
    await put(store, 'f', 3_000)
    expect(await isHit(store, 'a')).toBe(true)
    expect(await isHit(store, 'b')).toBe(false)
  })

  it('does not let one large value push all others out', async () => {
    const store = createEmbeddedCacheStore({ clock: new VirtualClock(), maxBytes: 16_384 })
    await put(store, 'small', 3_000)
    expect(await put(store, 'large', 16_000)).toBe(true)
    expect(await isHit(store, 'large')).toBe(false)
    expect(await isHit(store, 'small')).toBe(true)
  })

  it('wakes those who wait for a key that is evicted', async () => {
    const store = createEmbeddedCacheStore({ clock: new VirtualClock(), maxBytes: 4_096 })
    await store.probe(['k'], 'a', 1_000)
    const waiting = store.settled('k', 1_000)
    const others = Array.from({ length: 40 }, (_, index) => `k${index}`)
    await store.probe(others, 'b', 1_000)
    await waiting
  })

  it('forgets what has ended, though nobody asks for it again', async () => {
    const clock = new VirtualClock()
    const store = createEmbeddedCacheStore({ clock })
    const keys = Array.from({ length: 100 }, (_, index) => `k${index}`)
    await store.probe(keys, 'died', 1_000)
    for (const key of keys) await put(store, `short ${key}`, 10, 1_000)
    await clock.advance(1_000)
    for (let index = 0; index < 300; index++) {
      await put(store, 'busy', 10)
      await store.markStale(['busy'], 0)
    }
    expect(store.entryCount).toBe(0)
    expect(store.usedBytes).toBe(0)
  })

  it('refuses a size in which nothing fits', () => {
    for (const maxBytes of [0, -1, Number.NaN, 4_095])
      expect(() => createEmbeddedCacheStore({ maxBytes })).toThrow(InvalidArgumentError)
  })

  it('stays within its bytes and counts what it holds, whatever is done', async () => {
    const step = fc.record({
      kind: fc.constantFrom('probe', 'fill', 'release', 'mark', 'advance'),
      key: fc.integer({ min: 0, max: 30 }).map((index) => `key${index}`),
      owner: fc.constantFrom('a', 'b'),
      size: fc.integer({ min: 0, max: 2_000 }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 120 }), async (steps) => {
        const clock = new VirtualClock()
        const store = createEmbeddedCacheStore({ clock, maxBytes: 8_192 })
        for (const { kind, key, owner, size } of steps) {
          if (kind === 'probe') await store.probe([key], owner, 1 + size)
          else if (kind === 'fill') await store.fill([{ key, value: new Uint8Array(size), ttlMs: 1 + size }], owner)
          else if (kind === 'release') await store.release([key], owner)
          else if (kind === 'mark') await store.markStale([key], size)
          else await clock.advance(size)
          expect(store.usedBytes).toBeLessThanOrEqual(8_192)
          expect(store.usedBytes).toBeGreaterThanOrEqual(store.entryCount * 256)
          expect(store.usedBytes === 0).toBe(store.entryCount === 0)
        }
      }),
      { numRuns: 150 },
    )
  })
})

/** The promises of the port, told as plainly as possible: a list of what happened, looked through from the end. */
class Model {
  readonly #events: { readonly key: string; readonly what: string; readonly untilMs: number }[] = []

  constructor(readonly clock: VirtualClock) {}

  expected(key: string): 'hit' | 'busy' | 'leased' {
    const last = this.#events.findLast((event) => event.key === key)
    if (last === undefined || last.untilMs <= this.clock.elapsed() || last.what === 'open') return 'leased'
    return last.what === 'filled' ? 'hit' : 'busy'
  }

  holds(key: string, owner: string): boolean {
    return this.expected(key) === 'busy' && this.#events.findLast((event) => event.key === key)?.what === owner
  }

  happened(key: string, what: string, lifeMs = Infinity): void {
    this.#events.push({ key, what, untilMs: this.clock.elapsed() + lifeMs })
  }
}

describe('a random history', () => {
  it('lets fill only who holds the lease, and answers as the port says', async () => {
    const step = fc.record({
      kind: fc.constantFrom('probe', 'probe', 'fill', 'fill', 'release', 'mark', 'advance'),
      key: fc.constantFrom('k', 'l'),
      owner: fc.integer({ min: 1, max: 3 }),
      timeMs: fc.integer({ min: 1, max: 50 }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const clock = new VirtualClock()
        const store = createEmbeddedCacheStore({ clock })
        const model = new Model(clock)
        for (const { kind, key, owner: number, timeMs } of steps) {
          const owner = `owner ${number}`
          if (kind === 'probe') {
            const expected = model.expected(key)
            expect((await store.probe([key], owner, timeMs))[0]?.state).toBe(expected)
            if (expected === 'leased') model.happened(key, owner, timeMs)
          } else if (kind === 'fill') {
            const isHolder = model.holds(key, owner)
            const value = new Uint8Array([number])
            expect(await store.fill([{ key, value, ttlMs: timeMs }], owner)).toEqual([isHolder])
            if (isHolder) model.happened(key, 'filled', timeMs)
          } else if (kind === 'release') {
            if (model.holds(key, owner)) model.happened(key, 'open')
            await store.release([key], owner)
          } else if (kind === 'mark') {
            await store.markStale([key], timeMs)
            model.happened(key, 'open')
          } else await clock.advance(timeMs)
        }
      }),
      { numRuns: 300 },
    )
  })
})
