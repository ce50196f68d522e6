import type { Bytes, Clock, Logger, Metrics, Milliseconds } from '@parlance/core'
import type { ChangeLists, InvalidationChannel } from '@parlance/notification-bus'
import type { Cache } from '@parlance/rockscache'
import type { Entity } from './entity/schema.ts'
import type { EntityStore } from './entity-store.ts'
import type { Repository } from './repository.ts'
import type { Stream } from './stream/stream.ts'
import type { StreamRepository } from './stream/stream-repository.ts'
import type { Together } from './together.ts'
import type { StreamStore } from './stream/stream-store.ts'

/** What repositories stand on. */
export interface RepositoriesOptions {
  readonly store: EntityStore
  readonly streams: StreamStore
  readonly cache: Cache
  readonly lists: ChangeLists
  readonly channel: InvalidationChannel
  /** Bounds of this process's own cache. */
  readonly local?: {
    /** @defaultValue 64 MiB */
    readonly maxBytes?: Bytes
    /** The longest a value is served without asking again; jittered by up to a tenth less. @defaultValue 60 000 */
    readonly ttlMs?: Milliseconds
    /** Newest entries of hot streams, kept apart from the rest. @defaultValue 64 MiB */
    readonly tailMaxBytes?: Bytes
  }
  /** How long the shared cache keeps a value. @defaultValue 12 hours */
  readonly sharedTtlMs?: Milliseconds
  readonly clock?: Clock
  readonly metrics?: Metrics
  readonly logger?: Logger
  /** In [0, 1); seeded in tests. @defaultValue Math.random */
  readonly random?: () => number
  /** For tests: leaves derived invalidations out, so that a suite can prove that it notices. */
  readonly faults?: { skipInvalidation?(entity: string, view: string): boolean }
}

/** Gives declared entities and streams their repositories. */
export interface Repositories {
  /**
   * The repository of an entity; the same one every time.
   *
   * @throws {@link IncompatibleStoreError} when what is stored does not fit the declaration.
   */
  of<R, K extends keyof R, V>(entity: Entity<R, K, V>): Repository<R, K, V>
  /** The repository of a stream entity; the same one every time. */
  ofStream<Row, V>(stream: Stream<Row, V>): StreamRepository<Row, V>
  /**
   * Does writes to several entities in one atomic, durable step: all of them, or none. What follows from each of them (views,
   * change lists) is as after single writes; what is published with them is consumed if they were done. One round trip, shared
   * with others of the moment.
   *
   * @throws {@link RowConflictError} or {@link RowNotFoundError} as the single write would; nothing was done then.
   */
  together(gather: (together: Together) => void): Promise<void>
  /**
   * Resolves once the touches of many rows that follow from writes so far have all been spread; for scripts and tests. Nobody
   * needs to wait: they are spread by themselves, and go on where they stopped when the process starts again.
   */
  whenSpread(): Promise<void>
  /** Stops listening to the channel. Repositories must not be used any more. */
  close(): void
}
