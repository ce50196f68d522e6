import type { Bytes, Count } from '@parlance/core'
import type { Message } from 'kafkajs'
import type { KnownTopic } from './topic-registry.ts'

/** What one call of publish waits for. */
export interface Publication {
  remaining: Count
  resolve(): void
  reject(error: unknown): void
}

/** One record on its way, and whose it is. */
export interface PendingRecord {
  readonly message: Message
  readonly bytes: Bytes
  readonly publication: Publication
}

/** Records of one partition that go out together, and again together when they have to. */
export interface OutgoingBatch {
  readonly queue: PartitionQueue
  readonly records: readonly PendingRecord[]
}

/** Records of one partition in the order they were published; at most one batch of them is under way. */
export class PartitionQueue {
  readonly topic: KnownTopic
  readonly partition: number
  readonly place: string
  isBusy = false
  #records: PendingRecord[] = []
  #taken = 0

  constructor(topic: KnownTopic, partition: number) {
    this.topic = topic
    this.partition = partition
    this.place = `${topic.name}/${partition}`
  }

  get leader(): number {
    return this.topic.leaders[this.partition] ?? -1
  }

  get isEmpty(): boolean {
    return this.#records.length === 0
  }

  push(record: PendingRecord): void {
    this.#records.push(record)
  }

  /** The oldest records, at least one, otherwise no more than the bounds allow. */
  take(maxRecords: Count, maxBytes: Bytes): OutgoingBatch {
    let bytes = 0
    let end = this.#taken
    const limit = Math.min(this.#records.length, this.#taken + maxRecords)
    while (end < limit && (end === this.#taken || bytes + this.#records[end]!.bytes <= maxBytes))
      bytes += this.#records[end++]!.bytes
    const records = this.#records.slice(this.#taken, end)
    this.#taken = end
    if (end === this.#records.length) {
      this.#records = []
      this.#taken = 0
    } else if (end > 4096) {
      this.#records = this.#records.slice(end)
      this.#taken = 0
    }
    return { queue: this, records }
  }

  takeAll(): readonly PendingRecord[] {
    return this.take(Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER).records
  }
}
