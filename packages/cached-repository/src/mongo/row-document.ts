import type { Timestamp } from '@parlance/core'
import { Binary, type Document } from 'mongodb'
import type { FieldSpec } from '../entity/field.ts'
import { RowCodec } from '../entity/row-codec.ts'
import type { EntitySchema } from '../entity/schema.ts'
import type { AnyRow } from '../entity/values.ts'
import type { Announced, StoredRow } from '../entity-store.ts'
import type { Mark, RowState } from './row-table.ts'

/** A document of an entity's collection: its fields by their names, and beside them what no field can be called. */
export interface RowDocument extends Document {
  readonly _id: string
  readonly _revision?: number
  readonly _stamp?: string
  readonly _marks?: readonly MarkDocument[]
  readonly _lock?: string
  readonly _readers?: readonly string[]
}

interface MarkDocument {
  readonly op: string
  readonly at: Date
  readonly before?: Document
  readonly after?: Document
  readonly announced?: readonly AnnouncedDocument[]
}

/** What is announced, as it is kept. */
export interface AnnouncedDocument {
  readonly topic: string
  readonly records: readonly { readonly key: string; readonly payload: Binary }[]
}

/**
 * Turns rows into documents and back.
 *
 * Dates are dates. JSON is kept as text: MongoDB cannot hold every key, depth and half of a surrogate pair that JSON can.
 */
export class RowDocuments {
  readonly rows: RowCodec
  readonly #fields: readonly FieldSpec[]

  constructor(schema: EntitySchema) {
    this.rows = new RowCodec(schema)
    this.#fields = [...schema.fields.values()]
  }

  /** The fields that a row has, and its revision. */
  toFields({ row, revision }: StoredRow): Document {
    const fields: Document = {}
    for (const field of this.#fields)
      if (row[field.name] !== undefined) fields[field.name] = toValue(field, row[field.name])
    fields['_revision'] = revision
    return fields
  }

  /** The row in a document; `undefined` when there is none in it. */
  fromFields(document: Document): StoredRow | undefined {
    const revision = document['_revision'] as number | undefined
    if (revision === undefined) return undefined
    return { row: this.rows.fromPlain((field) => fromValue(field, document[field.name])), revision }
  }

  /** An update that makes a document's row this one; of fields that are not declared here it leaves what there is. */
  toUpdate(stored: StoredRow | undefined): { readonly $set: Document; readonly $unset: Document } {
    const $set = stored === undefined ? {} : this.toFields(stored)
    const absent = [...this.#fields.map(({ name }) => name), '_revision'].filter((name) => !(name in $set))
    return { $set, $unset: Object.fromEntries(absent.map((name) => [name, 1])) }
  }

  toMark({ op, at, before, after, announced }: Mark): MarkDocument {
    return {
      op,
      at: new Date(at),
      ...(before === undefined ? {} : { before: this.toFields(before) }),
      ...(after === undefined ? {} : { after: this.toFields(after) }),
      ...(announced.length === 0 ? {} : { announced: toAnnouncedDocuments(announced) }),
    }
  }

  toState(document: RowDocument): RowState {
    return {
      id: document._id,
      stored: this.fromFields(document),
      stamp: document._stamp,
      marks: (document._marks ?? []).map(({ op, at, before, after, announced = [] }) => ({
        op,
        at: at.getTime() as Timestamp,
        before: before && this.fromFields(before),
        after: after && this.fromFields(after),
        announced: fromAnnouncedDocuments(announced),
      })),
      lock: document._lock,
      readers: document._readers ?? [],
    }
  }
}

/** A field's value as a document has it. */
export function toValue({ type }: FieldSpec, value: unknown): unknown {
  if (type === 'date') return new Date((value as Date).getTime())
  return type === 'json' ? JSON.stringify(value) : value
}

/** The value again, as the row codec takes it. */
function fromValue({ type }: FieldSpec, value: unknown): unknown {
  if (value === undefined || value === null) return undefined
  if (type === 'date') return (value as Date).getTime()
  return type === 'json' ? (JSON.parse(value as string) as unknown) : value
}

/** A key, or fields of a list's order, out of a document. */
export function fieldsFrom(fields: readonly FieldSpec[], document: Document): AnyRow {
  return Object.freeze(Object.fromEntries(fields.map(({ name }) => [name, document[name] as unknown])))
}

export function toAnnouncedDocuments(announced: readonly Announced[]): AnnouncedDocument[] {
  return announced.map(({ topic, records }) => ({
    topic,
    records: records.map(({ key, payload }) => ({ key, payload: new Binary(payload) })),
  }))
}

export function fromAnnouncedDocuments(documents: readonly AnnouncedDocument[]): Announced[] {
  return documents.map(({ topic, records }) => ({
    topic,
    records: records.map(({ key, payload }) => ({ key, payload: payload.value() })),
  }))
}
