import type { Count } from '@parlance/core'
import { type Mongo, MongoDuplicateError } from '@parlance/engines/mongo'
import { assertCount, assertStreamName, maxReservation } from '../limits.ts'
import type { NumberRange, SegmentStore } from '../segments.ts'

const collection = 'segments'

interface SegmentDocument {
  readonly _id: string
  readonly last: number
}

/**
 * Opens the segments kept in MongoDB: one document per stream.
 *
 * A reservation is one atomic step on one document and one round trip (two for the one that meets another process making
 * the same stream). One that fails with a retryable error may have reserved all the same: its numbers are then void.
 */
export function createMongoSegmentStore({ mongo }: { readonly mongo: Mongo }): SegmentStore {
  return new MongoSegmentStore(mongo)
}

class MongoSegmentStore implements SegmentStore {
  readonly #mongo: Mongo

  constructor(mongo: Mongo) {
    this.#mongo = mongo
  }

  async reserve(stream: string, count: Count): Promise<NumberRange> {
    assertStreamName(stream)
    assertCount('count', count, maxReservation)
    const advance = (): Promise<number> => this.#advance(stream, count)
    // Two that make the same stream at once: one of them meets the other's document, which is there now.
    const last = await advance().catch((error: unknown) => {
      if (error instanceof MongoDuplicateError) return advance()
      throw error
    })
    return { first: last - count + 1, last }
  }

  async #advance(stream: string, count: Count): Promise<number> {
    const document = await this.#mongo.on<SegmentDocument, SegmentDocument | null>(collection, (on) =>
      on.findOneAndUpdate({ _id: stream }, { $inc: { last: count } }, { upsert: true, returnDocument: 'after' }),
    )
    return document!.last
  }
}
