import { convertMongoError, type Mongo } from '@parlance/engines/mongo'
import { type AnyBulkWriteOperation, type Filter, MongoBulkWriteError, MongoError, MongoServerError } from 'mongodb'
import type { Batch } from './batch.ts'
import { type BlockDocument, hashOf, type NumberDocument, numberID, type TailDocument } from './documents.ts'
import type { NewestEntries } from './newest-reads.ts'
import type { Sealing } from './sealing.ts'
import { type Tail, tailProjection } from './tail.ts'

/** Names of the collections of a journal. */
export const journal = 'journal'
const repeats = 'journal_repeats'
export const tags = 'journal_tags'

const duplicateCode = 11000

/** What became of one compare-and-set of many. */
export type Verdict = 'stored' | 'lost' | 'unknown' | { readonly refused: unknown }

/** A batch and the tail it goes to. */
export interface Change {
  readonly stream: string
  readonly tail: Tail
  readonly batch: Batch
  readonly sealing: Sealing | undefined
}

/** A journal's collections, and every command that its writer sends to them. */
export class Collections {
  readonly #mongo: Mongo

  constructor(mongo: Mongo) {
    this.#mongo = mongo
  }

  /** One round trip. */
  async prepare(): Promise<void> {
    // Sparse only to be small: without that it would still be right.
    await this.#mongo.ensureIndexes(journal, [{ key: { noted: 1 }, name: 'noted', sparse: true }])
  }

  /** Documents of tails and blocks by their ids, as far as they are there. One query. */
  find<D extends TailDocument | BlockDocument>(
    ids: readonly string[],
    projection: Readonly<Record<string, 0 | 1>>,
  ): Promise<D[]> {
    return this.#mongo.on<TailDocument | BlockDocument, D[]>(journal, (collection) =>
      collection
        .find({ _id: { $in: [...ids] } }, { projection, promoteBuffers: true, batchSize: ids.length + 1 })
        .toArray()
        .then((found) => found as D[]),
    )
  }

  /** Ends of streams, as far as they are there, with so many of their newest entries. One query. */
  newest(streams: readonly string[], count: number): Promise<NewestEntries[]> {
    return this.#mongo.on<TailDocument, NewestEntries[]>(journal, (collection) =>
      collection
        .find(
          { _id: { $in: [...streams] } },
          {
            projection: { head: 1, floor: 1, first: 1, tail: { $slice: -count } },
            promoteBuffers: true,
            batchSize: streams.length + 1,
          },
        )
        .toArray(),
    )
  }

  /** The tail without its payloads, and with the first compare-and-set of everybody else failing. One round trip. */
  fence(stream: string): Promise<TailDocument | null> {
    return this.#mongo.on<TailDocument, TailDocument | null>(journal, (collection) =>
      collection.findOneAndUpdate(
        { _id: stream },
        { $inc: { epoch: 1 } },
        { returnDocument: 'after', projection: tailProjection, promoteBuffers: true },
      ),
    )
  }

  /** The numbers of those repeat keys, by their ids, that were sealed. One query; none without ids. */
  sealedNumbers(ids: readonly string[]): Promise<Map<string, number>> {
    return this.#numbers(repeats, ids)
  }

  /** The newest numbers of tags, by their ids, among sealed entries. One query; none without ids. */
  tagNumbers(ids: readonly string[]): Promise<Map<string, number>> {
    return this.#numbers(tags, ids)
  }

  /** Makes durable what leaves tails, before it leaves them. Can be done again. One round trip per collection, at once. */
  async seal(sealings: readonly Sealing[]): Promise<void> {
    const blocks = sealings.flatMap((sealing) => sealing.blocks)
    const numbers = sealings.flatMap((sealing) => sealing.repeats)
    const newest = sealings.flatMap((sealing) => sealing.tags)
    await Promise.all([
      this.#insertMissing(journal, blocks),
      this.#insertMissing(repeats, numbers),
      newest.length === 0 ? undefined : this.#raise(newest),
    ])
  }

  /** One compare-and-set per change, each on its own. One round trip. */
  async compareAndSet(changes: readonly Change[]): Promise<Verdict[]> {
    const operations = changes.map(operationOf)
    return this.#mongo.on<TailDocument, Verdict[]>(journal, async (collection) => {
      try {
        const { matchedCount, upsertedIds } = await collection.bulkWrite(operations, { ordered: false })
        return verdicts(changes.length, matchedCount, upsertedIds, new Map())
      } catch (error) {
        if (!(error instanceof MongoBulkWriteError) || (error.errorResponse as unknown) instanceof MongoError)
          throw error
        const refused = new Map<number, unknown>()
        for (const writeError of [error.writeErrors].flat())
          refused.set(writeError.index, convertMongoError(new MongoServerError(writeError.err), 'MongoDB'))
        const lost = new Set(
          [error.writeErrors].flat().flatMap(({ code, index }) => (code === duplicateCode ? [index] : [])),
        )
        // Not known to be durable: whoever reads what a majority has will know.
        if (error.result.getWriteConcernError() !== undefined)
          return changes.map((_, index): Verdict => (lost.has(index) ? 'lost' : 'unknown'))
        const settled = verdicts(changes.length, error.matchedCount, error.upsertedIds, refused)
        return settled.map((verdict, index) => (lost.has(index) ? 'lost' : verdict))
      }
    })
  }

  /** Removes notes up to a number, of many streams. One round trip. */
  async clearNotes(settled: ReadonlyMap<string, number>): Promise<void> {
    const operations = [...settled].flatMap(([stream, through]): AnyBulkWriteOperation<TailDocument>[] => [
      { updateOne: { filter: { _id: stream }, update: { $pull: { notes: { q: { $lte: through } } } } } },
      { updateOne: { filter: { _id: stream, notes: { $size: 0 } }, update: { $unset: { noted: '' } } } },
    ])
    await this.#mongo.on<TailDocument, unknown>(journal, (collection) =>
      collection.bulkWrite(operations, { ordered: true }),
    )
  }

  /** Tails with notes made before a moment, that nobody claimed or whose claim has run out. One query. */
  noted(beforeMs: number, nowMs: number, limit: number): Promise<Pick<TailDocument, '_id' | 'notes'>[]> {
    const filter: Filter<TailDocument> = {
      noted: 1,
      $and: [{ $or: [{ 'notes.0.at': { $lte: beforeMs } }, { notes: { $size: 0 } }] }, unclaimed(nowMs)],
    }
    return this.#mongo.on<TailDocument, TailDocument[]>(journal, (collection) =>
      collection
        .find(filter, { projection: { notes: 1 }, promoteBuffers: true, batchSize: limit + 1 })
        .limit(limit)
        .toArray(),
    )
  }

  /** Takes the notes of a stream for itself until `untilMs`, unless somebody else has them. One round trip. */
  claim(stream: string, nowMs: number, untilMs: number): Promise<boolean> {
    return this.#mongo.on<TailDocument, boolean>(journal, async (collection) => {
      const { matchedCount } = await collection.updateOne(
        { _id: stream, noted: 1, ...unclaimed(nowMs) },
        { $set: { claimedUntil: untilMs } },
      )
      return matchedCount === 1
    })
  }

  /** Raises a floor. One round trip. */
  async raiseFloor(stream: string, floor: number): Promise<void> {
    await this.#mongo.on<TailDocument, unknown>(journal, (collection) =>
      collection.updateOne({ _id: stream }, { $max: { floor } }),
    )
  }

  /** Some blocks whose ids lie between two, the latter included: their ids and repeat keys. One query. */
  blocksBetween(afterID: string, throughID: string, limit: number): Promise<BlockDocument[]> {
    return this.#mongo.on<BlockDocument, BlockDocument[]>(journal, (collection) =>
      collection
        .find({ _id: { $gt: afterID, $lte: throughID } }, { projection: { 'entries.k': 1, first: 1 } })
        .sort({ _id: 1 })
        .limit(limit)
        .toArray(),
    )
  }

  /** Deletes blocks of a stream, after their repeat keys. Two round trips. */
  async deleteBlocks(stream: string, blocks: readonly BlockDocument[]): Promise<void> {
    const keys = blocks.flatMap(({ entries }) =>
      entries.flatMap(({ k }) => (k === undefined ? [] : [numberID(stream, hashOf(k))])),
    )
    if (keys.length > 0)
      await this.#mongo.on<NumberDocument, unknown>(repeats, (collection) =>
        collection.deleteMany({ _id: { $in: keys } }),
      )
    await this.#mongo.on<BlockDocument, unknown>(journal, (collection) =>
      collection.deleteMany({ _id: { $in: blocks.map(({ _id }) => _id) } }),
    )
  }

  async #numbers(name: string, ids: readonly string[]): Promise<Map<string, number>> {
    if (ids.length === 0) return new Map()
    const found = await this.#mongo.on<NumberDocument, NumberDocument[]>(name, (collection) =>
      collection.find({ _id: { $in: [...ids] } }, { batchSize: ids.length + 1 }).toArray(),
    )
    return new Map(found.map(({ _id, q }) => [_id, q]))
  }

  async #insertMissing<D extends BlockDocument | NumberDocument>(name: string, documents: readonly D[]): Promise<void> {
    if (documents.length === 0) return
    await this.#mongo.on<BlockDocument | NumberDocument, void>(name, async (collection) => {
      try {
        await collection.insertMany(documents as readonly (BlockDocument | NumberDocument)[], { ordered: false })
      } catch (error) {
        if (!isOnlyDuplicates(error)) throw error
      }
    })
  }

  async #raise(numbers: readonly NumberDocument[]): Promise<void> {
    const operations = numbers.map(({ _id, q }) => ({
      updateOne: { filter: { _id }, update: { $max: { q } }, upsert: true },
    }))
    await this.#mongo.on<NumberDocument, void>(tags, async (collection) => {
      const raise = () => collection.bulkWrite(operations, { ordered: false })
      try {
        await raise()
      } catch (error) {
        if (!isOnlyDuplicates(error)) throw error
        // Two were the first at once; now the document is there.
        await raise()
      }
    })
  }
}

const unclaimed = (nowMs: number) => ({
  $or: [{ claimedUntil: { $exists: false } }, { claimedUntil: { $lt: nowMs } }],
})

/** Tells whether all that failed is that documents were there already, durably. */
function isOnlyDuplicates(error: unknown): boolean {
  return (
    error instanceof MongoBulkWriteError &&
    error.code === duplicateCode &&
    error.result.getWriteConcernError() === undefined &&
    [error.writeErrors].flat().every(({ code }) => code === duplicateCode)
  )
}

function verdicts(
  count: number,
  matchedCount: number,
  upsertedIds: Readonly<Record<number, unknown>>,
  refused: ReadonlyMap<number, unknown>,
): Verdict[] {
  const upserted = Object.keys(upsertedIds).length
  const matched = matchedCount + upserted + refused.size
  // MongoDB counts what matched, it does not say which.
  const other: Verdict = matched === count ? 'stored' : matchedCount === 0 ? 'lost' : 'unknown'
  return Array.from({ length: count }, (_, index): Verdict => {
    if (upsertedIds[index] !== undefined) return 'stored'
    return refused.has(index) ? { refused: refused.get(index) } : other
  })
}

function operationOf({ stream, tail, batch, sealing }: Change): AnyBulkWriteOperation<TailDocument> {
  const { head, epoch, first } = tail
  const kept = sealing === undefined ? undefined : head - sealing.first + 1 + batch.entries.length
  const notes = [...tail.notes, ...batch.notes]
  const set: Record<string, unknown> = {
    head: head + batch.entries.length,
    bytes: (sealing?.bytes ?? tail.bytes) + batch.bytes,
  }
  if (sealing === undefined) for (const [hash, seq] of batch.tags) set[`tags.${hash}`] = seq
  else Object.assign(set, { first: sealing.first, parts: sealing.parts, tags: Object.fromEntries(batch.tags) })
  if (batch.notes.length > 0) set['noted'] = 1
  return {
    updateOne: {
      filter: { _id: stream, head, epoch },
      update: {
        $set: set,
        $push: {
          tail: { $each: batch.entries, ...(kept === undefined ? {} : { $slice: -kept }) },
          // Notes known to be settled fall out at the front.
          ...(batch.notes.length === 0 ? {} : { notes: { $each: batch.notes, $slice: -notes.length } }),
        },
        ...(head === 0 ? { $setOnInsert: { first, floor: 0 } } : {}),
      } as never,
      // A tail that is there has a head: this inserts, or fails because somebody else did.
      upsert: head === 0,
    },
  }
}
