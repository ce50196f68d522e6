import type { Bytes, Count, Milliseconds } from '@parlance/core'
import type { Cache, Codec } from '@parlance/rockscache'
import type { ReadLevel } from '../entity/view.ts'
import type { LocalCache } from './local-cache.ts'

/** How values of one kind are kept. */
export interface ValueKind<T> {
  readonly codec: Codec<T>
  readonly sizeOf: (value: T | undefined) => Bytes
}

/** What a write makes of a held value. */
export interface Patch {
  readonly key: string
  readonly change: (value: unknown) => unknown
  readonly sizeOf: (value: unknown) => Bytes
}

const maxKeysPerFetch = 5_000

/**
 * The way of a read: local cache, then shared cache, then the store.
 *
 * Between the moment a write is durable and the moment the shared cache knows, the keys that depend on it are *pending*:
 * they are read from the store and kept nowhere, so that no reader of this process sees what the shared cache still holds.
 * Afterwards the shared cache has nothing of them: where it is another process, the first reader here asks the store at once, one
 * round trip instead of four, and what it gets is kept here alone.
 */
export class ReadPath {
  readonly local: LocalCache
  readonly #cache: Cache
  readonly #sharedTtlMs: Milliseconds
  readonly #pending = new Map<string, number>()
  readonly #absent = new Set<string>()
  readonly #maxAbsent: Count

  /** @param maxAbsent - so many keys are remembered that this process made the shared cache forget. */
  constructor(local: LocalCache, cache: Cache, sharedTtlMs: Milliseconds, maxAbsent: Count) {
    this.local = local
    this.#cache = cache
    this.#sharedTtlMs = sharedTtlMs
    this.#maxAbsent = maxAbsent
  }

  /** One value; `undefined` when the store has none. */
  read<T>(
    key: string,
    level: ReadLevel,
    load: () => Promise<T | undefined>,
    kind: ValueKind<T>,
  ): Promise<T | undefined> {
    if (level === 'store') return load()
    if (this.#pending.has(key)) {
      // What is still held then was brought up to date at the commit.
      const held = level === 'local' ? this.local.peek<T | undefined>(key) : undefined
      return held === undefined ? load() : held.promise
    }
    const shared = () => this.#cache.fetch(key, load, { ttlMs: this.#sharedTtlMs, codec: kind.codec })
    if (level === 'shared') return shared()
    return this.local.fetch<T | undefined>(key, () => (this.#absent.delete(key) ? load() : shared()), kind.sizeOf)
  }

  /** Many values in the order of the keys. At most one load per 5 000 keys. */
  async readMany<T>(
    keys: readonly string[],
    level: ReadLevel,
    load: (missing: readonly string[]) => Promise<ReadonlyMap<string, T>>,
    kind: ValueKind<T>,
  ): Promise<(T | undefined)[]> {
    if (level === 'store') return inOrder(keys, await inChunks(keys, load))
    if (this.#pending.size > 0 && keys.some((key) => this.#pending.has(key))) {
      const pending = keys.filter((key) => this.#pending.has(key))
      const settled = keys.filter((key) => !this.#pending.has(key))
      const [fresh, rest] = await Promise.all([inChunks(pending, load), this.readMany(settled, level, load, kind)])
      const values = new Map<string, T | undefined>(fresh)
      settled.forEach((key, index) => values.set(key, rest[index]))
      return keys.map((key) => values.get(key))
    }
    const shared = (missing: readonly string[]) =>
      inChunks(missing, (chunk) => this.#cache.fetchMany(chunk, load, { ttlMs: this.#sharedTtlMs, codec: kind.codec }))
    if (level === 'shared') return inOrder(keys, await shared(keys))
    const nearest = async (missing: readonly string[]): Promise<ReadonlyMap<string, T>> => {
      const absent = missing.filter((key) => this.#absent.delete(key))
      if (absent.length === 0) return shared(missing)
      if (absent.length === missing.length) return inChunks(absent, load)
      const isAbsent = new Set(absent)
      const [loaded, rest] = await Promise.all([
        inChunks(absent, load),
        shared(missing.filter((key) => !isAbsent.has(key))),
      ])
      return new Map([...loaded, ...rest])
    }
    return this.local.fetchMany(keys, nearest, kind.sizeOf)
  }

  /**
   * From now on, until {@link settle}, these keys are read from the store; whatever was kept of them locally is dropped, or
   * brought up to date.
   */
  suspend(keys: ReadonlySet<string>, patches: readonly Patch[] = []): void {
    const patched = new Set(patches.map(({ key }) => key))
    this.local.drop(patched.size === 0 ? keys : [...keys].filter((key) => !patched.has(key)))
    for (const { key, change, sizeOf } of patches) this.local.patch(key, change, sizeOf)
    for (const key of keys) this.#pending.set(key, (this.#pending.get(key) ?? 0) + 1)
  }

  /** The shared cache knows. A key that is not pending stays so. */
  settle(keys: readonly string[]): void {
    for (const key of keys) {
      const writes = this.#pending.get(key)
      if (writes === undefined || writes === 1) this.#pending.delete(key)
      else this.#pending.set(key, writes - 1)
      if (this.#maxAbsent > 0) this.#absent.add(key)
    }
    for (const oldest of this.#absent) {
      if (this.#absent.size <= this.#maxAbsent) break
      this.#absent.delete(oldest)
    }
  }

  /** Keys that are read from the store for now. */
  get pendingCount(): number {
    return this.#pending.size
  }
}

function inOrder<T>(keys: readonly string[], values: ReadonlyMap<string, T>): (T | undefined)[] {
  return keys.map((key) => values.get(key))
}

async function inChunks<T>(
  keys: readonly string[],
  load: (chunk: readonly string[]) => Promise<ReadonlyMap<string, T>>,
): Promise<ReadonlyMap<string, T>> {
  if (keys.length <= maxKeysPerFetch) return keys.length === 0 ? new Map() : load(keys)
  const all = new Map<string, T>()
  for (let start = 0; start < keys.length; start += maxKeysPerFetch)
    for (const [key, value] of await load(keys.slice(start, start + maxKeysPerFetch))) all.set(key, value)
  return all
}
