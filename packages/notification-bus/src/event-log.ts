import type { Count } from '@parlance/core'

/** A message as the log keeps it. */
export interface LogRecord {
  readonly key: string
  readonly payload: Uint8Array
}

/** A message read back, with its place in its partition. */
export interface ReadRecord extends LogRecord {
  readonly partition: number
  /** Ascending within the partition, from 1, and the same on every delivery; a driver may leave gaps. */
  readonly offset: number
}

/** Hands a partition's records to one consumer at a time. */
export interface LogSubscription {
  /** Stops reading; what is being handled is finished first. */
  close(): Promise<void>
}

/** What a consumer does with one batch of one partition; its offset moves on only when this resolves. */
export type LogHandler = (records: readonly ReadRecord[]) => Promise<void>

/** How a group subscribes. */
export interface SubscribeOptions {
  /** Most records handed over at once. */
  readonly maxBatch: Count
  /** Ends the subscription as closing it does. */
  readonly signal?: AbortSignal
}

/** The durable log under the topics: SQLite when embedded, Kafka otherwise. */
export interface EventLog {
  /**
   * Resolves once every record is durable. Records with one key keep their order. What was rejected with a retryable
   * error may be stored all the same.
   *
   * @throws InvalidArgumentError for records that would never be accepted, and for no other reason.
   */
  publish(topic: string, records: readonly LogRecord[]): Promise<void>
  /**
   * Consumes a topic for a group, from the group's committed offset, or from the beginning when it has none. Members of
   * a group in several processes share the partitions; each partition has one of them at a time.
   *
   * Each partition is handled strictly in order, one batch at a time. A handler that rejects gets the same batch again,
   * after a backoff; nothing behind it in the partition is handled before. A batch may come again after a crash, or when its
   * partition goes to another member. Resolves when everything published before the call has been handled once, in the
   * partitions that this member has; rejects with a ClosedError when the signal aborts before that.
   */
  subscribe(topic: string, group: string, handler: LogHandler, options: SubscribeOptions): Promise<LogSubscription>
}
