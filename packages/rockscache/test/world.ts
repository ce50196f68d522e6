import { type Cache, type CacheOptions, type CacheStore, createCache } from '@parlance/rockscache'
import { createEmbeddedCacheStore } from '@parlance/rockscache/embedded'
import { type Exploration, explore, type Run, type Scenario } from '@parlance/testing'
import { expect } from 'vitest'

export const ttlMs = 60_000
export const leaseMs = 1_000

/** The source of truth: one row, whose value is its version. */
class Source {
  version = 0
  loadCount = 0
  async read(): Promise<number> {
    this.loadCount++
    return this.version
  }
  async write(): Promise<number> {
    return ++this.version
  }
}

interface Read {
  readonly mode: 'strong' | 'eventual'
  readonly beganAt: number
  readonly version: number | undefined
}

export interface WorldOptions {
  readonly makeCache?: (options: CacheOptions) => Cache
  readonly breakStore?: (store: CacheStore) => CacheStore
}

/** Processes around one store and one source, and what they saw. */
export class World {
  readonly source = new Source()
  readonly store: CacheStore
  readonly reads: Read[] = []
  readonly #run: Run
  readonly #marks: { readonly overAt: number; readonly version: number }[] = []
  readonly #caches = new Map<string, Cache>()
  readonly #options: WorldOptions

  constructor(run: Run, options: WorldOptions = {}) {
    this.#run = run
    this.#options = options
    const store = createEmbeddedCacheStore({ clock: run.clock, maxBytes: 8_192 })
    this.store = options.breakStore?.(store) ?? store
  }

  cacheOf(process: string, answersApart: boolean): Cache {
    let cache = this.#caches.get(process)
    if (cache === undefined) {
      const store = this.#run.intercept(process, this.store, { name: 'store', answersApart })
      const options = { store, clock: this.#run.clock, leaseMs, jitter: 0, staleForMs: 500 }
      cache = (this.#options.makeCache ?? createCache)(options)
      this.#caches.set(process, cache)
    }
    return cache
  }

  sourceOf(process: string, answersApart: boolean): Source {
    return this.#run.intercept(process, this.source, { name: 'source', answersApart })
  }

  reader(process: string, name: string, mode: 'strong' | 'eventual' = 'strong', sharesProcess = false): void {
    const cache = this.cacheOf(process, sharesProcess)
    const source = this.sourceOf(process, sharesProcess)
    this.#run.program(process, name, async () => {
      const beganAt = this.#run.moment()
      const version = await cache.fetch('k', () => source.read(), { ttlMs, mode })
      this.reads.push({ mode, beganAt, version })
    })
  }

  writer(process: string, name: string, count = 1, sharesProcess = false): void {
    const cache = this.cacheOf(process, sharesProcess)
    const source = this.sourceOf(process, sharesProcess)
    this.#run.program(process, name, async () => {
      for (let written = 0; written < count; written++) {
        const version = await source.write()
        await cache.markStale('k')
        this.#marks.push({ version, overAt: this.#run.moment() })
      }
    })
  }

  /** Puts a value in the cache before anything begins. */
  async warm(version: number, key = 'k'): Promise<void> {
    await this.store.probe([key], 'warmer', leaseMs)
    await this.store.fill([{ key, value: Buffer.from(String(version)), ttlMs }], 'warmer')
  }

  /** Other keys take all the room. */
  async evict(): Promise<void> {
    const others = Array.from({ length: 40 }, (_, index) => `other${index}`)
    await this.store.probe(others, 'crowd', leaseMs)
    await this.store.release(others, 'crowd')
  }

  /** RC1: nothing loaded before a mark is returned by a fetch that began after the mark. */
  checkStrong(): void {
    for (const { mode, beganAt, version } of this.reads) {
      if (mode === 'eventual') continue
      const least = Math.max(0, ...this.#marks.filter((mark) => mark.overAt < beganAt).map((mark) => mark.version))
      if (version === undefined || version < least)
        throw new Error(`a fetch returned version ${version} after version ${least} was marked`)
    }
  }

  /** RC1 for whoever comes next: what is in the cache was not loaded before the last mark. */
  async checkCached(): Promise<void> {
    const [probe] = await this.store.probe(['k'], 'next reader', leaseMs)
    await this.store.release(['k'], 'next reader')
    const least = Math.max(0, ...this.#marks.map(({ version }) => version))
    if (probe?.state === 'hit' && Number(Buffer.from(probe.value ?? []).toString()) < least)
      throw new Error(`the cache was left with an older version than ${least}, which was marked`)
  }

  /** RC6: whoever comes now does not find the key held. */
  async checkNoLease(...keys: readonly string[]): Promise<void> {
    for (const [index, probe] of (await this.store.probe(keys, 'stranger', leaseMs)).entries())
      if (probe.state === 'busy') throw new Error(`${keys[index]} is still leased`)
  }
}

export async function expectNoViolation(scenario: Scenario): Promise<Exploration> {
  const found = await explore(scenario)
  expect(found.violation).toBeUndefined()
  expect(found.isComplete).toBe(true)
  return found
}

/** The reader's side of a scenario in which RC1 is at stake. */
export function strongScenario(
  options: WorldOptions,
  arrange: (world: World, run: Run) => Promise<void> | void,
): Scenario {
  return async (run) => {
    const world = new World(run, options)
    await arrange(world, run)
    return async () => {
      world.checkStrong()
      await world.checkCached()
      await world.checkNoLease('k')
    }
  }
}

/** RC3, RC6: whoever waited was woken by what happened, not by the clock. */
export function expectNoTimePassed(run: Run): void {
  if (run.clock.elapsed() > 0) throw new Error(`somebody waited ${run.clock.elapsed()} ms for a lease to run out`)
}

export const twoReadersOneProcess = (world: World): void => {
  world.reader('A', 'reader 1', 'strong', true)
  world.reader('A', 'reader 2', 'strong', true)
}

export const twoProcesses = (world: World): void => {
  world.reader('A', 'reader 1')
  world.reader('B', 'reader 2')
}

/** Two overlapping batches in two processes, a mark of one key in between. */
export function batchScenario(options: WorldOptions): Scenario {
  return async (run) => {
    const world = new World(run, options)
    const rows = new Map([
      ['k', 0],
      ['l', 0],
      ['m', 0],
    ])
    const marked = { overAt: Infinity }
    for (const [process, keys] of [
      ['A', ['k', 'l']],
      ['B', ['l', 'k', 'm']],
    ] as const) {
      const cache = world.cacheOf(process, false)
      const source = run.intercept(
        process,
        { load: async (of: readonly string[]) => rowsOf(rows, of) },
        { name: 'rows' },
      )
      run.program(process, process, async () => {
        const beganAt = run.moment()
        const found = await cache.fetchMany(keys, (missing) => source.load(missing), { ttlMs })
        expect([...found.keys()]).toEqual(keys)
        if (marked.overAt < beganAt && found.get('k') !== 1) throw new Error('the old row came after the mark')
      })
    }
    const writing = run.intercept('W', { write: async () => void rows.set('k', 1) }, { name: 'rows' })
    const cache = world.cacheOf('W', false)
    run.program('W', 'writer', async () => {
      await writing.write()
      await cache.markStale('k')
      marked.overAt = run.moment()
    })
    return async () => {
      await world.checkNoLease('k', 'l', 'm')
      expectNoTimePassed(run)
    }
  }
}

function rowsOf(rows: ReadonlyMap<string, number>, keys: readonly string[]): Map<string, number> {
  return new Map(keys.flatMap((key) => (rows.has(key) ? [[key, rows.get(key) as number]] : [])))
}
