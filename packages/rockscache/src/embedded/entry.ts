import type { Bytes, Milliseconds } from '@parlance/core'
import type { Probe } from '../cache-store.ts'

/**
 * What the cache keeps at one key, and the links that order entries by last use.
 *
 * The same record as a Redis hash: `value` is the field of that name, a lease is `lockOwner` with `lockUntil`, and `isStale`
 * is a `lockUntil` that is over. The functions below are the protocol, one atomic step each.
 */
export interface Entry {
  readonly key: string
  kind: 'empty' | 'absence' | 'value'
  value: Uint8Array | undefined
  /** True from the mark until the next fill. An entry that is stale holds a value: absences are dropped. */
  isStale: boolean
  /** When the value ends, fresh or stale. */
  valueUntilMs: Milliseconds
  owner: string | undefined
  leaseUntilMs: Milliseconds
  sizeBytes: Bytes
  colder: Entry | undefined
  warmer: Entry | undefined
}

export function emptyEntry(key: string): Entry {
  return {
    key,
    kind: 'empty',
    value: undefined,
    isStale: false,
    valueUntilMs: 0,
    owner: undefined,
    leaseUntilMs: 0,
    sizeBytes: 0,
    colder: undefined,
    warmer: undefined,
  }
}

/** Tells whether somebody may fill the entry now. */
export function isLeased(entry: Entry, nowMs: Milliseconds): boolean {
  return entry.owner !== undefined && nowMs < entry.leaseUntilMs
}

/** Tells whether the entry means nothing any more: no value, fresh or stale, and no lease. */
export function isOver(entry: Entry, nowMs: Milliseconds): boolean {
  return (entry.kind === 'empty' || nowMs >= entry.valueUntilMs) && !isLeased(entry, nowMs)
}

export function probeEntry(entry: Entry, owner: string, leaseMs: Milliseconds, nowMs: Milliseconds): Probe {
  if (entry.kind !== 'empty' && nowMs >= entry.valueUntilMs) dropValue(entry)
  if (entry.kind !== 'empty' && !entry.isStale) return { state: 'hit', value: entry.value }
  const stale = entry.value
  if (isLeased(entry, nowMs)) return { state: 'busy', stale, leftMs: entry.leaseUntilMs - nowMs }
  entry.owner = owner
  entry.leaseUntilMs = nowMs + leaseMs
  return { state: 'leased', stale }
}

/** Stores a value if the lease is still the caller's. */
export function fillEntry(
  entry: Entry,
  value: Uint8Array | undefined,
  ttlMs: Milliseconds,
  owner: string,
  nowMs: Milliseconds,
): boolean {
  if (!holdsLease(entry, owner, nowMs)) return false
  entry.kind = value === undefined ? 'absence' : 'value'
  entry.value = value
  entry.isStale = false
  entry.valueUntilMs = nowMs + ttlMs
  entry.owner = undefined
  return true
}

export function releaseEntry(entry: Entry, owner: string, nowMs: Milliseconds): boolean {
  if (!holdsLease(entry, owner, nowMs)) return false
  entry.owner = undefined
  return true
}

export function markEntry(entry: Entry, staleForMs: Milliseconds, nowMs: Milliseconds): void {
  entry.owner = undefined
  if (entry.kind === 'absence') dropValue(entry)
  if (entry.kind === 'empty' || entry.isStale) return
  entry.isStale = true
  entry.valueUntilMs = Math.min(entry.valueUntilMs, nowMs + staleForMs)
}

function holdsLease(entry: Entry, owner: string, nowMs: Milliseconds): boolean {
  return entry.owner === owner && isLeased(entry, nowMs)
}

function dropValue(entry: Entry): void {
  entry.kind = 'empty'
  entry.value = undefined
  entry.isStale = false
}
