import type { Clock, Logger, Milliseconds, Timer } from '@parlance/core'
import type { SqliteEngine, SqliteStatement } from '@parlance/engines/sqlite'

/** How far one group of consumers has come in one partition. */
export interface Offset {
  readonly topic: string
  readonly group: string
  readonly partition: number
  readonly offset: number
}

const keyOf = ({ topic, group, partition }: Omit<Offset, 'offset'>): string => `${topic}/${group}/${partition}`

/**
 * Keeps the offsets of all groups, written together and not more often than every `delayMs`.
 *
 * An offset that was lost in a crash means that a batch is handled twice, which consumers must bear anyway; a flush of
 * its own for every batch would cost more than the batch. At most one write is in flight.
 */
export class OffsetStore {
  readonly #engine: SqliteEngine
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #delayMs: Milliseconds
  readonly #onStored: (offsets: readonly Offset[]) => void
  readonly #select: SqliteStatement<{ consumers: string; part: number; offset: number }>
  readonly #insert: SqliteStatement<never>
  readonly #update: SqliteStatement<never>
  readonly #delete: SqliteStatement<never>
  #moved = new Map<string, Offset>()
  #timer: Timer | undefined
  #storing: Promise<void> | undefined

  constructor(options: {
    engine: SqliteEngine
    clock: Clock
    logger: Logger
    delayMs: Milliseconds
    onStored(offsets: readonly Offset[]): void
  }) {
    this.#engine = options.engine
    this.#clock = options.clock
    this.#logger = options.logger
    this.#delayMs = options.delayMs
    this.#onStored = (offsets) => options.onStored(offsets)
    this.#select = this.#engine.prepare('SELECT consumers, part, offset FROM log_offsets WHERE topic = ?')
    this.#insert = this.#engine.prepare('INSERT OR IGNORE INTO log_offsets VALUES (?, ?, ?, ?)')
    this.#update = this.#engine.prepare(
      'UPDATE log_offsets SET offset = ? WHERE topic = ? AND consumers = ? AND part = ?',
    )
    this.#delete = this.#engine.prepare('DELETE FROM log_offsets WHERE topic = ? AND consumers = ?')
  }

  /** Every group's offsets of one topic, as stored. */
  read(topic: string): Offset[] {
    return this.#select
      .all(topic)
      .map(({ consumers, part, offset }) => ({ topic, group: consumers, partition: part, offset }))
  }

  /** Inside a write: makes a group known, at 0, so that nothing it has not seen is given up. */
  addIn(topic: string, group: string, partitions: number): void {
    for (let partition = 0; partition < partitions; partition++) this.#insert.run(topic, group, partition, 0)
  }

  /** Inside a write: forgets a group. */
  removeIn(topic: string, group: string): void {
    this.#delete.run(topic, group)
  }

  /** Takes note of an offset, to be stored soon. */
  move(offset: Offset): void {
    this.#moved.set(keyOf(offset), offset)
    this.#timer ??= this.#clock.after(this.#delayMs, () => void this.flush())
  }

  /** Stores what has moved; resolves when it is durable, or was put off because writing failed. */
  async flush(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = undefined
    while (this.#storing !== undefined) await this.#storing
    if (this.#moved.size === 0) return
    this.#storing = this.#store([...this.#moved.values()]).finally(() => (this.#storing = undefined))
    this.#moved = new Map()
    await this.#storing
  }

  async #store(offsets: readonly Offset[]): Promise<void> {
    try {
      await this.#engine.write(() => {
        for (const { topic, group, partition, offset } of offsets) this.#update.run(offset, topic, group, partition)
      })
    } catch (error) {
      this.#logger.error('offsets of consumers could not be stored; they will be with the next ones', { error })
      for (const offset of offsets) {
        if (!this.#moved.has(keyOf(offset))) this.#moved.set(keyOf(offset), offset)
      }
      return
    }
    this.#onStored(offsets)
  }
}
