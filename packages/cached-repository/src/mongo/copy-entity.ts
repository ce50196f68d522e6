import type { Count } from '@parlance/core'
import { type CopyPart, insertMissing, type Mongo } from '@parlance/engines/mongo'
import type { SqliteEngine } from '@parlance/engines/sqlite'
import type { Document } from 'mongodb'
import { EntityTable } from '../embedded/entity-table.ts'
import type { EntitySchema } from '../entity/schema.ts'
import type { StoredRow } from '../entity-store.ts'
import { collectionOf, prepareEntity } from './entity-declaration.ts'
import { type RowDocument, RowDocuments } from './row-document.ts'

const pageSize: Count = 1000
/** Nobody's write is called so. */
const copied = 'copied'

/** Copies the rows of an entity from its table, with their revisions. */
export function entityCopy(engine: SqliteEngine, mongo: Mongo, schema: EntitySchema): CopyPart {
  const table = new EntityTable(engine, schema)
  const documents = new RowDocuments(schema)
  const name = collectionOf(schema)
  const page = (after: string | undefined): StoredRow[] =>
    table.rowsAfter(after === undefined ? undefined : table.key.decode(after), pageSize)
  const idOf = ({ row }: StoredRow): string => table.key.encode(row)
  const nextOf = (rows: readonly StoredRow[]): string | undefined =>
    rows.length < pageSize ? undefined : idOf(rows.at(-1)!)
  return {
    name: `rows of ${schema.name}`,
    count: () => table.count(),
    countInTarget: () =>
      mongo.on<RowDocument, Count>(name, (on) => on.countDocuments({ _revision: { $exists: true } })),
    prepare: () => prepareEntity(mongo, schema),
    async copy(after) {
      const rows = page(after)
      const inserted = rows.map((row): Document => ({
        _id: idOf(row),
        ...documents.toFields(row),
        _stamp: copied,
        _marks: [],
      }))
      await insertMissing(mongo, name, inserted)
      return { copied: rows.length, next: nextOf(rows) }
    },
    async compare(after) {
      const rows = page(after)
      const found = await mongo.on<RowDocument, RowDocument[]>(name, (on) =>
        on.find({ _id: { $in: rows.map(idOf) } }).toArray(),
      )
      const actual = new Map(found.map((document) => [document._id, documents.fromFields(document)]))
      const textOf = (stored: StoredRow | undefined): string =>
        stored === undefined ? '' : JSON.stringify(documents.toFields(stored))
      const differences = rows.flatMap((row) =>
        textOf(row) === textOf(actual.get(idOf(row))) ? [] : [`${schema.name} ${idOf(row)}`],
      )
      return { compared: rows.length, differences, next: nextOf(rows) }
    },
  }
}
