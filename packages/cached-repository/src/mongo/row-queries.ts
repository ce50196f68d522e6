import type { Count } from '@parlance/core'
import type { Mongo } from '@parlance/engines/mongo'
import type { Document, Filter } from 'mongodb'
import type { FieldSpec } from '../entity/field.ts'
import type { EntitySchema } from '../entity/schema.ts'
import type { AnyRow } from '../entity/values.ts'
import type { CountSpec, RowsSpec } from '../entity/view.ts'
import type { KeyRange } from '../entity-store.ts'
import { collectionOf } from './entity-declaration.ts'
import { fieldsFrom, toValue } from './row-document.ts'

/** A reply carries this many keys; a longer list takes another round trip for each such part. */
const maxBatch: Count = 20_000

/**
 * What views ask an entity's collection. Each query is one round trip, answered by one index that holds all it returns; what has
 * no row has none of the fields either, and is found by none of them.
 */
export class RowQueries {
  readonly #mongo: Mongo
  readonly #schema: EntitySchema
  readonly #collection: string

  constructor(mongo: Mongo, schema: EntitySchema) {
    this.#mongo = mongo
    this.#schema = schema
    this.#collection = collectionOf(schema)
  }

  async keysOf(view: string, by: AnyRow, range?: KeyRange): Promise<AnyRow[]> {
    if (range?.limit === 0) return []
    const spec = this.#schema.views.get(view) as RowsSpec
    const order = spec.order.map(([name]) => this.#field(name))
    const sort = new Map<string, 1 | -1>(spec.order.map(([name, direction]) => [name, direction === 'desc' ? -1 : 1]))
    for (const { name } of this.#schema.key) if (!sort.has(name)) sort.set(name, 1)
    return this.#keys(this.#filter(spec, by), sort, [...this.#schema.key, ...order], range)
  }

  async countOf(view: string, by: AnyRow): Promise<Count> {
    const filter = this.#filter(this.#schema.views.get(view) as RowsSpec | CountSpec, by)
    return this.#mongo.on(this.#collection, (on) => on.countDocuments(filter))
  }

  /** Keys of rows with the values `by`, in the order of the keys, after one of them. */
  async keysAfter(by: AnyRow, after: AnyRow | undefined, limit: Count): Promise<AnyRow[]> {
    const equal = this.#equal(by)
    const rest = this.#schema.key.filter(({ name }) => !(name in by))
    if (after !== undefined && rest.length === 0) return []
    const later = after === undefined ? {} : { $or: laterThan(rest, after) }
    const sort = new Map(rest.map(({ name }) => [name, 1] as const))
    return this.#keys({ ...equal, ...later }, sort, this.#schema.key, { offset: 0, limit })
  }

  async #keys(
    filter: Filter<Document>,
    sort: Map<string, 1 | -1>,
    fields: readonly FieldSpec[],
    { offset, limit }: KeyRange = { offset: 0, limit: 0 },
  ): Promise<AnyRow[]> {
    const projection = { _id: 0, ...Object.fromEntries(fields.map(({ name }) => [name, 1])) }
    const found = await this.#mongo.on<Document, Document[]>(this.#collection, (on) =>
      on.find(filter, { projection, sort, skip: offset, limit, batchSize: maxBatch }).toArray(),
    )
    return found.map((document) => fieldsFrom(fields, document))
  }

  #filter({ where, by: names }: RowsSpec | CountSpec, by: AnyRow): Filter<Document> {
    return this.#equal({ ...Object.fromEntries(names.map((name) => [name, by[name]])), ...where })
  }

  #equal(values: AnyRow): Filter<Document> {
    return Object.fromEntries(
      Object.entries(values).map(([name, value]) => [name, { $eq: toValue(this.#field(name), value) }]),
    )
  }

  #field(name: string): FieldSpec {
    return this.#schema.fields.get(name)!
  }
}

/** One of: the first field is greater; it is equal and the second greater; and so on. */
function laterThan(fields: readonly FieldSpec[], after: AnyRow): Filter<Document>[] {
  return fields.map((field, index) => ({
    ...Object.fromEntries(fields.slice(0, index).map((one) => [one.name, toValue(one, after[one.name])])),
    [field.name]: { $gt: toValue(field, after[field.name]) },
  }))
}
