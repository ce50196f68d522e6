import type { Count, Logger } from '@parlance/core'
import type { EmbeddedJournal } from '@parlance/seq-allocator/embedded'
import type { Offset } from './offset-store.ts'
import { streamOf } from './topic-table.ts'

/**
 * Gives up records that every known group has handled, except the newest ones of each partition; and of partitions that
 * wait for nobody, all but the newest.
 *
 * In rounds: nothing happens until as many as are retained, or a thousand, can go at once.
 */
export class Retention {
  readonly #journal: EmbeddedJournal
  readonly #logger: Logger
  readonly #retainedRecords: Count
  readonly #maxUnconsumedRecords: Count
  readonly #trimmedTo = new Map<string, number>()
  readonly #lookedTo = new Map<string, number>()
  #trimming: Promise<void> = Promise.resolve()
  #isClosed = false

  constructor(options: {
    journal: EmbeddedJournal
    logger: Logger
    retainedRecords: Count
    maxUnconsumedRecords: Count
  }) {
    this.#journal = options.journal
    this.#logger = options.logger
    this.#retainedRecords = options.retainedRecords
    this.#maxUnconsumedRecords = options.maxUnconsumedRecords
  }

  /** Looks at all groups' offsets of one topic. */
  trim(offsets: readonly Offset[]): void {
    const handledByAll = new Map<string, number>()
    for (const { topic, partition, offset } of offsets) {
      const stream = streamOf(topic, partition)
      handledByAll.set(stream, Math.min(offset, handledByAll.get(stream) ?? offset))
    }
    for (const [stream, offset] of handledByAll) {
      const belowSeq = offset - this.#retainedRecords + 1
      if (belowSeq - (this.#trimmedTo.get(stream) ?? 1) >= roundOf(this.#retainedRecords))
        this.#giveUp(stream, belowSeq)
    }
  }

  /** Looks at a partition that now ends at `head`; `waitsForNobody` is asked once a round. */
  cap(stream: string, head: number, waitsForNobody: () => boolean): void {
    const belowSeq = head - this.#maxUnconsumedRecords + 1
    const known = Math.max(this.#trimmedTo.get(stream) ?? 1, this.#lookedTo.get(stream) ?? 1)
    if (belowSeq - known < roundOf(this.#maxUnconsumedRecords)) return
    this.#lookedTo.set(stream, belowSeq)
    if (waitsForNobody()) this.#giveUp(stream, belowSeq)
  }

  /** Gives up nothing more; resolves when nothing is being given up. */
  close(): Promise<void> {
    this.#isClosed = true
    return this.#trimming
  }

  #giveUp(stream: string, belowSeq: number): void {
    if (this.#isClosed) return
    this.#trimmedTo.set(stream, belowSeq)
    this.#trimming = this.#trimming.then(() => this.#truncate(stream, belowSeq))
  }

  async #truncate(stream: string, belowSeq: number): Promise<void> {
    try {
      await this.#journal.truncate(stream, belowSeq)
    } catch (error) {
      this.#trimmedTo.delete(stream)
      this.#logger.error('old records could not be given up; they will be with the next ones', { stream, error })
    }
  }
}

const roundOf = (kept: Count): Count => Math.min(1000, Math.max(1, kept))
