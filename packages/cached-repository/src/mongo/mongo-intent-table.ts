import { type Bytes, type Count, InvalidArgumentError, type Timestamp } from '@parlance/core'
import { type Mongo, MongoDuplicateError } from '@parlance/engines/mongo'
import { BSON, type Document } from 'mongodb'
import type { StoredRow } from '../entity-store.ts'
import type { Intent, IntentRow, IntentTable } from './intent-table.ts'
import {
  type AnnouncedDocument,
  fromAnnouncedDocuments,
  type RowDocuments,
  toAnnouncedDocuments,
} from './row-document.ts'
import type { Operation } from './row-table.ts'

interface IntentDocument {
  readonly _id: string
  readonly state: Intent['state']
  readonly since: string
  readonly at: Date
  readonly rows: readonly IntentRow[]
  readonly images: readonly ({ readonly before: Document | null; readonly after: Document | null } | null)[]
  readonly announced: readonly AnnouncedDocument[]
}

const intents = 'entities.intents'
/** What fits into one document of MongoDB beside what is announced. */
const maxImageBytes: Bytes = 12 * 1024 * 1024

/** The intents of a MongoDB database. */
export class MongoIntentTable implements IntentTable {
  readonly #mongo: Mongo
  readonly #documentsOf: (entity: string) => RowDocuments | undefined
  #ready: Promise<void> | undefined

  /** @param documentsOf - `undefined` for an entity that this process does not know; its intents are left to others. */
  constructor(mongo: Mongo, documentsOf: (entity: string) => RowDocuments | undefined) {
    this.#mongo = mongo
    this.#documentsOf = documentsOf
  }

  async prepare({ op, state, since, at, rows, announced }: Intent): Promise<void> {
    await this.#prepared()
    const document = {
      _id: op,
      state,
      since,
      at: new Date(at),
      rows,
      images: [],
      announced: toAnnouncedDocuments(announced),
    }
    try {
      await this.#mongo.on<IntentDocument, unknown>(intents, (on) => on.insertOne(document))
    } catch (error) {
      if (!(error instanceof MongoDuplicateError)) throw error
    }
  }

  async commit({ op, rows, images, at }: Intent): Promise<boolean> {
    const fields = (entity: string, stored: StoredRow | undefined): Document | null =>
      stored === undefined ? null : this.#documentsOf(entity)!.toFields(stored)
    const documents = rows.map(({ entity }, index) => {
      const image = images[index]
      return image === undefined ? null : { before: fields(entity, image.before), after: fields(entity, image.after) }
    })
    if (BSON.calculateObjectSize({ images: documents }) > maxImageBytes)
      throw new InvalidArgumentError(`rows of more than ${maxImageBytes} bytes in one call: split the call`)
    const { matchedCount } = await this.#mongo.on<IntentDocument, { matchedCount: number }>(intents, (on) =>
      on.updateOne(
        { _id: op, state: 'preparing' },
        { $set: { state: 'committed', images: documents, at: new Date(at) } },
      ),
    )
    return matchedCount === 1
  }

  async find(op: Operation): Promise<Intent | undefined> {
    const found = await this.#mongo.on<IntentDocument, IntentDocument | null>(intents, (on) => on.findOne({ _id: op }))
    return found === null ? undefined : this.#toIntent(found)
  }

  async abort(op: Operation): Promise<boolean> {
    return this.#delete({ _id: op, state: 'preparing' })
  }

  async remove(op: Operation): Promise<void> {
    await this.#delete({ _id: op })
  }

  async abandoned(before: Timestamp, limit: Count): Promise<readonly Intent[]> {
    await this.#prepared()
    const found = await this.#mongo.on<IntentDocument, IntentDocument[]>(intents, (on) =>
      on.find({ at: { $lt: new Date(before) } }, { sort: { at: 1 }, limit }).toArray(),
    )
    return found
      .filter(({ rows }) => rows.every(({ entity }) => this.#documentsOf(entity)))
      .map((one) => this.#toIntent(one))
  }

  async claim({ op, at }: Intent, now: Timestamp): Promise<boolean> {
    const { modifiedCount } = await this.#mongo.on<IntentDocument, { modifiedCount: number }>(intents, (on) =>
      on.updateOne({ _id: op, at: new Date(at) }, { $set: { at: new Date(now) } }),
    )
    return modifiedCount === 1
  }

  async #delete(filter: { _id: string; state?: 'preparing' }): Promise<boolean> {
    const { deletedCount } = await this.#mongo.on<IntentDocument, { deletedCount: number }>(intents, (on) =>
      on.deleteOne(filter),
    )
    return deletedCount === 1
  }

  #toIntent({ _id, state, since, at, rows, images, announced }: IntentDocument): Intent {
    const stored = (entity: string, fields: Document | null) =>
      fields === null ? undefined : this.#documentsOf(entity)?.fromFields(fields)
    return {
      op: _id,
      state,
      since,
      at: at.getTime(),
      rows,
      images: images.map((image, index) => {
        const { entity } = rows[index]!
        return image === null ? undefined : { before: stored(entity, image.before), after: stored(entity, image.after) }
      }),
      announced: fromAnnouncedDocuments(announced),
    }
  }

  #prepared(): Promise<void> {
    this.#ready ??= this.#mongo.ensureIndexes(intents, [{ key: { at: 1 } }]).catch((error: unknown) => {
      this.#ready = undefined
      throw error
    })
    return this.#ready
  }
}
