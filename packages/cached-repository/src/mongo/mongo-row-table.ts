import type { Count, Timestamp } from '@parlance/core'
import { type Mongo, MongoDuplicateError } from '@parlance/engines/mongo'
import type { AnyBulkWriteOperation, Document, Filter } from 'mongodb'
import { KeyCodec } from '../entity/key-codec.ts'
import type { RowCodec } from '../entity/row-codec.ts'
import type { EntitySchema } from '../entity/schema.ts'
import type { AnyRow } from '../entity/values.ts'
import type { StoredRow } from '../entity-store.ts'
import { collectionOf } from './entity-declaration.ts'
import { type RowDocument, RowDocuments } from './row-document.ts'
import type { Locked, LockRequest, Mark, Operation, RowImage, RowState, RowTable } from './row-table.ts'

type Step = AnyBulkWriteOperation<RowDocument>

const maxPerRead: Count = 5_000
const isUnused = { _lock: { $exists: false }, '_readers.0': { $exists: false } }
const isNoRow = { _revision: { $exists: false } }
const hasNoMark = { '_marks.0': { $exists: false } }

/** The rows of one entity in a collection of MongoDB. */
export class MongoRowTable implements RowTable {
  readonly schema: EntitySchema
  readonly documents: RowDocuments
  readonly #mongo: Mongo
  readonly #collection: string
  readonly #key: KeyCodec

  constructor(mongo: Mongo, schema: EntitySchema) {
    this.schema = schema
    this.documents = new RowDocuments(schema)
    this.#mongo = mongo
    this.#collection = collectionOf(schema)
    this.#key = new KeyCodec(schema.key, `the key of ${schema.name}`)
  }

  idOf(key: AnyRow): string {
    return this.#key.encode(key)
  }

  /** The key again. */
  keyOf(id: string): AnyRow {
    return this.#key.decode(id)
  }

  get rows(): RowCodec {
    return this.documents.rows
  }

  async read(ids: readonly string[]): Promise<ReadonlyMap<string, RowState>> {
    const parts: RowDocument[][] = await Promise.all(inParts(ids).map((part) => this.#find(withIDs(part))))
    return new Map(parts.flat().map((document) => [document._id, this.documents.toState(document)]))
  }

  /** Rows by id as readers see them; what is not there is left out. One round trip per 5000. */
  async find(ids: readonly string[]): Promise<ReadonlyMap<string, StoredRow>> {
    const projection = { _marks: 0, _readers: 0 }
    const found = new Map<string, StoredRow>()
    await Promise.all(
      inParts(ids).map(async (part) => {
        for (const document of await this.#find(withIDs(part), { projection })) {
          const stored = this.documents.fromFields(document)
          if (stored !== undefined) found.set(document._id, stored)
        }
      }),
    )
    return found
  }

  async create({ id, stored }: RowImage, mark: Mark): Promise<boolean> {
    const fields = stored === undefined ? {} : this.documents.toFields(stored)
    const document = { _id: id, ...fields, _stamp: mark.op, _marks: [this.documents.toMark(mark)] }
    try {
      await this.#mongo.on<RowDocument, unknown>(this.#collection, (on) => on.insertOne(document))
      return true
    } catch (error) {
      if (error instanceof MongoDuplicateError) return false
      throw error
    }
  }

  async replace(state: RowState, { id, stored }: RowImage, mark: Mark): Promise<boolean> {
    const { $set, $unset } = this.documents.toUpdate(stored)
    const { matchedCount } = await this.#mongo.on<RowDocument, { matchedCount: number }>(this.#collection, (on) =>
      on.updateOne({ _id: id, _stamp: state.stamp!, ...isUnused } as Filter<RowDocument>, {
        $set: { ...$set, _stamp: mark.op },
        $unset,
        $push: { _marks: this.documents.toMark(mark) } as never,
      }),
    )
    return matchedCount === 1
  }

  async lock(op: Operation, requests: readonly LockRequest[]): Promise<boolean> {
    const steps = requests.map(({ id, state, isShared }): Step => {
      if (state === undefined) {
        const filter = { _id: id, _stamp: { $exists: false }, _lock: { $exists: false } } as Filter<RowDocument>
        return { updateOne: { filter, update: { $set: { _lock: op } }, upsert: true } }
      }
      const filter = { _id: id, _stamp: state.stamp! }
      const free = isShared ? { _lock: { $exists: false } } : isUnused
      const update = isShared ? { $addToSet: { _readers: op } as never } : { $set: { _lock: op } }
      return { updateOne: { filter: { ...filter, ...free } as Filter<RowDocument>, update } }
    })
    try {
      return (await this.#write(steps)) === requests.length
    } catch (error) {
      if (error instanceof MongoDuplicateError) return false
      throw error
    }
  }

  async unlock(op: Operation, rows: readonly Locked[]): Promise<void> {
    await this.#write(
      rows.flatMap(({ id, isShared }): Step[] =>
        isShared
          ? [{ updateOne: { filter: { _id: id, _readers: op }, update: { $pull: { _readers: op } as never } } }]
          : [
              { deleteOne: { filter: { _id: id, _lock: op, _stamp: { $exists: false } } as Filter<RowDocument> } },
              { updateOne: { filter: { _id: id, _lock: op }, update: { $unset: { _lock: 1 } } } },
            ],
      ),
    )
  }

  async settle(op: Operation, images: readonly RowImage[]): Promise<void> {
    await this.#write(
      images.flatMap(({ id, stored }): Step[] => {
        const { $set, $unset } = this.documents.toUpdate(stored)
        const update = { $set: { ...$set, _stamp: op }, $unset: { ...$unset, _lock: 1 } }
        const written: Step = { updateOne: { filter: { _id: id, _lock: op }, update } }
        if (stored !== undefined) return [written]
        return [
          { deleteOne: { filter: { _id: id, _lock: op, ...hasNoMark } as Filter<RowDocument> } },
          // What still carries marks of earlier writes goes with the last of them.
          written,
        ]
      }),
    )
  }

  async clear(images: readonly (RowImage & { readonly op: Operation })[]): Promise<ReadonlySet<Operation>> {
    const steps = images.map(({ id, op, stored }): Step => {
      const isLast = { _id: id, _stamp: op, '_marks.0.op': op, '_marks.1': { $exists: false } }
      if (stored === undefined)
        return { deleteOne: { filter: { ...isLast, ...isNoRow, ...isUnused } as Filter<RowDocument> } }
      return { updateOne: { filter: isLast as Filter<RowDocument>, update: { $unset: { _marks: 1 } } } }
    })
    if ((await this.#write(steps)) === images.length) return new Set(images.map(({ op }) => op))
    const states = await this.read([...new Set(images.map(({ id }) => id))])
    const isClear = ({ id, op, stored }: RowImage & { readonly op: Operation }): boolean => {
      const state = states.get(id)
      if (state?.marks.some((mark) => mark.op === op)) return false
      return stored === undefined ? state?.stored === undefined : state?.stamp === op
    }
    return new Set(images.filter(isClear).map(({ op }) => op))
  }

  async unmark({ id, stamp, stored }: RowState, op: Operation): Promise<boolean> {
    const filter = { _id: id, _stamp: stamp! }
    const matched = await this.#write([{ updateOne: { filter, update: { $pull: { _marks: { op } } as never } } }])
    if (matched === 0) return false
    const rest = { ...filter, ...isNoRow, ...hasNoMark, ...isUnused } as Filter<RowDocument>
    if (stored === undefined) await this.#write([{ deleteOne: { filter: rest } }])
    return true
  }

  async marked(before: Timestamp, limit: Count): Promise<readonly RowState[]> {
    const found = await this.#find({ '_marks.at': { $lt: new Date(before) } } as Filter<RowDocument>, { limit })
    return found.map((document) => this.documents.toState(document))
  }

  async claimMark(id: string, { op, at }: Mark, now: Timestamp): Promise<boolean> {
    const { modifiedCount } = await this.#mongo.on<RowDocument, { modifiedCount: number }>(this.#collection, (on) =>
      on.updateOne(
        { _id: id, _marks: { $elemMatch: { op, at: new Date(at) } } } as Filter<RowDocument>,
        { $set: { '_marks.$[mark].at': new Date(now) } as never },
        { arrayFilters: [{ 'mark.op': op }] },
      ),
    )
    return modifiedCount === 1
  }

  #find(
    filter: Filter<RowDocument>,
    { limit = maxPerRead, projection }: { readonly limit?: Count; readonly projection?: Document } = {},
  ): Promise<RowDocument[]> {
    const options = { limit, batchSize: limit + 1, ...(projection === undefined ? {} : { projection }) }
    return this.#mongo.on<RowDocument, RowDocument[]>(
      this.#collection,
      (on) => on.find(filter, options).toArray() as Promise<RowDocument[]>,
    )
  }

  /** In order for each row; answers how many documents were found, made or deleted. */
  async #write(steps: Step[]): Promise<Count> {
    const { matchedCount, upsertedCount, deletedCount } = await this.#mongo.on<
      RowDocument,
      { matchedCount: number; upsertedCount: number; deletedCount: number }
    >(this.#collection, (on) => on.bulkWrite(steps, { ordered: steps.length > 1 && hasSequence(steps) }))
    return matchedCount + upsertedCount + deletedCount
  }
}

/** Tells whether two steps are about one row: then the second must come after the first. */
function hasSequence(steps: readonly Step[]): boolean {
  return steps.some((step) => 'deleteOne' in step) && steps.some((step) => 'updateOne' in step)
}

function withIDs(ids: readonly string[]): Filter<RowDocument> {
  return { _id: ids.length === 1 ? ids[0]! : { $in: [...ids] } }
}

function inParts(ids: readonly string[]): (readonly string[])[] {
  const parts: (readonly string[])[] = []
  for (let start = 0; start < ids.length; start += maxPerRead) parts.push(ids.slice(start, start + maxPerRead))
  return parts
}
