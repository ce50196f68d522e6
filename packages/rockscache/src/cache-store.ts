import type { Milliseconds } from '@parlance/core'

/** What one step on the shared cache found at a key. */
export type Probe =
  /** A value under no lease: a hit. `undefined` is a cached absence. The bytes belong to the store: do not change them. */
  | { readonly state: 'hit'; readonly value: Uint8Array | undefined }
  /** Nobody may fill the key but the caller, until `leaseMs` from now. `stale` is the old value, if one is left. */
  | { readonly state: 'leased'; readonly stale?: Uint8Array | undefined }
  /** Somebody else may fill it, for `leftMs` more. `stale` is the old value, if one is left. */
  | { readonly state: 'busy'; readonly stale?: Uint8Array | undefined; readonly leftMs: Milliseconds }

/** One value to store, under the caller's lease. */
export interface Fill {
  readonly key: string
  /** `undefined` stores the absence, which is not the same as a value of no bytes. */
  readonly value: Uint8Array | undefined
  readonly ttlMs: Milliseconds
}

/**
 * The steps of the rockscache protocol on a shared cache; each step on each key is atomic. All times are on the cache's own clock.
 *
 * Every step takes many keys and treats each on its own: what happens to one never changes what happens to another.
 * A store may drop any entry at any time, together with its lease; the protocol stays right, only the load is repeated.
 *
 * An owner names one right to fill: it is used for at most one lease per key, ever, so that a late fill cannot pass under a
 * later lease of the same caller.
 */
export interface CacheStore {
  /** Reads keys; takes the lease of each that holds no value and no running lease. One round trip when all are hits. */
  probe(keys: readonly string[], owner: string, leaseMs: Milliseconds): Promise<Probe[]>
  /** Stores values and ends the leases. False for a key whose lease the caller no longer holds: nothing was stored there. */
  fill(fills: readonly Fill[], owner: string): Promise<boolean[]>
  /** Gives leases back without a value; leases of others and old values stay. */
  release(keys: readonly string[], owner: string): Promise<void>
  /**
   * Ends every lease and hides the values; they serve as stale ones for at most `staleForMs` after they were hidden first,
   * and never longer than they would have lived. A cached absence is dropped: it is never stale.
   */
  markStale(keys: readonly string[], staleForMs: Milliseconds): Promise<void>
  /**
   * Resolves when the key's lease ends by a fill, a release or a mark, or after `atMostMs`; at once when there is no lease.
   *
   * It may resolve too early, never too late: whoever waited probes again.
   */
  settled(key: string, atMostMs: Milliseconds): Promise<void>
}
