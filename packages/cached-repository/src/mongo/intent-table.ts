import type { Count, Timestamp } from '@parlance/core'
import type { Announced, StoredRow } from '../entity-store.ts'
import type { Locked, Operation } from './row-table.ts'

/** A row of an intent. */
export interface IntentRow extends Locked {
  readonly entity: string
}

/** What an intent makes of one of its rows; only of those that it does not share. */
export interface IntentImage {
  readonly before: StoredRow | undefined
  readonly after: StoredRow | undefined
}

/** A step on several rows: prepared while they are being locked, committed from the one moment on that decides. */
export interface Intent {
  readonly op: Operation
  readonly state: 'preparing' | 'committed'
  /** Names the call by the time it began; of two that need the same rows the earlier goes first. */
  readonly since: string
  /** When somebody last took care of it. */
  readonly at: Timestamp
  readonly rows: readonly IntentRow[]
  /** By the places of {@link rows}; empty until it is committed. */
  readonly images: readonly (IntentImage | undefined)[]
  readonly announced: readonly Announced[]
}

/**
 * Where intents are kept; each method is one round trip. An intent that is not there was aborted, or is done.
 *
 * What throws a retryable error may have been done all the same; every method may be repeated.
 */
export interface IntentTable {
  prepare(intent: Intent): Promise<void>
  /** Decides for an intent that is being prepared, with its images; false when it is not being prepared. */
  commit(intent: Intent): Promise<boolean>
  find(op: Operation): Promise<Intent | undefined>
  /** Forgets an intent that is not committed; false when there is none. */
  abort(op: Operation): Promise<boolean>
  /** Forgets an intent that is done. */
  remove(op: Operation): Promise<void>
  /** Intents that nobody took care of since before that time. */
  abandoned(before: Timestamp, limit: Count): Promise<readonly Intent[]>
  /** Takes care of one; false when another process did. */
  claim(intent: Intent, now: Timestamp): Promise<boolean>
}
