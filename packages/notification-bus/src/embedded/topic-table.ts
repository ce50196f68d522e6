import type { Count } from '@parlance/core'
import type { SqliteEngine, SqliteStatement } from '@parlance/engines/sqlite'

/** The journal's stream of one partition. */
export const streamOf = (topic: string, partition: number): string => `topic/${topic}/${partition}`

/** Tells whether a stream of the journal is a partition of a topic. */
export const isTopicStream = (stream: string): boolean => stream.startsWith('topic/')

/**
 * How many partitions each topic has.
 *
 * A topic keeps the number it began with, whatever is configured later: with another one, the records of a key would be
 * in two partitions and lose their order.
 */
export class TopicTable {
  readonly #engine: SqliteEngine
  readonly #partitions: Count
  readonly #known = new Map<string, Count>()
  readonly #find: SqliteStatement<{ partitions: number }>
  readonly #insert: SqliteStatement<never>

  constructor(engine: SqliteEngine, partitions: Count) {
    this.#engine = engine
    this.#partitions = partitions
    this.#find = engine.prepare('SELECT partitions FROM log_topics WHERE name = ?')
    this.#insert = engine.prepare('INSERT INTO log_topics VALUES (?, ?)')
  }

  /** Inside a write: the topic's partitions; the topic is made when it does not exist. */
  requireIn(topic: string): Count {
    const known = this.#known.get(topic) ?? this.#find.get(topic)?.partitions
    if (known === undefined) {
      this.#insert.run(topic, this.#partitions)
      this.#engine.afterRollback(() => this.#known.delete(topic))
    }
    this.#known.set(topic, known ?? this.#partitions)
    return known ?? this.#partitions
  }
}
