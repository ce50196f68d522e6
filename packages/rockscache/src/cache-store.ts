import type { Milliseconds } from '@parlance/core'

/** What one step on the shared cache found at a key. */
export type Probe =
  /** A value under no lease: a hit. `undefined` is a cached absence. */
  | { readonly state: 'hit'; readonly value: Uint8Array | undefined }
  /** Nobody may fill the key but the caller, until `leaseMs` from now. `stale` is the old value, if any is left. */
  | { readonly state: 'leased'; readonly stale?: Uint8Array | undefined }
  /** Somebody else is filling it. `stale` is the old value, if any is left. */
  | { readonly state: 'busy'; readonly stale?: Uint8Array | undefined }

/** One value to store, under the caller's lease. */
export interface Fill {
  readonly key: string
  /** `undefined` stores the absence. */
  readonly value: Uint8Array | undefined
  readonly ttlMs: Milliseconds
}

/**
 * The steps of the rockscache protocol on a shared cache; each step on each key is atomic. All times are on the cache's own clock.
 *
 * Every step takes many keys and treats each on its own: what happens to one never changes what happens to another.
 */
export interface CacheStore {
  /** Reads keys; takes the lease of each that holds no value and no running lease. One round trip when all are hits. */
  probe(keys: readonly string[], owner: string, leaseMs: Milliseconds): Promise<Probe[]>
  /** Stores values and ends the leases. False for a key whose lease the caller no longer holds: nothing was stored there. */
  fill(fills: readonly Fill[], owner: string): Promise<boolean[]>
  /** Gives leases back without a value; leases of others stay. */
  release(keys: readonly string[], owner: string): Promise<void>
  /** Ends every lease and hides the values; they serve as stale ones for at most `staleForMs`. */
  markStale(keys: readonly string[], staleForMs: Milliseconds): Promise<void>
  /** Resolves when one of the keys changed hands (filled, released, marked), or after `atMostMs`. */
  settled(key: string, atMostMs: Milliseconds): Promise<void>
}
