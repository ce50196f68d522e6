import type { Count } from '@parlance/core'
import { type ComparedPage, type CopiedPage, type CopyPart, insertMissing, type Mongo } from '@parlance/engines/mongo'
import type { SqliteEngine } from '@parlance/engines/sqlite'
import { collections, type ElementDocument, elementID, type HeadDocument } from './documents.ts'

type ListRow = { id: number; name: string; version: number; floor: number }
type ElementRow = { list: number; name: string; element: string; version: number; inserted: number; removed: number }

const pageSize: Count = 1000

/** What copies the change lists of an engine. */
export interface CopyListsOptions {
  /** With its change lists opened before, so that its tables are as this version knows them. */
  readonly engine: SqliteEngine
  readonly mongo: Mongo
}

/** Names the data of an engine: 24 hex digits, the same as long as its database lives. */
export function seedOfEngine(engine: SqliteEngine): string {
  return engine.prepare<{ seed: string }>('SELECT seed FROM change_seed').get()!.seed
}

/**
 * Copies change lists from the embedded driver's tables, with their epochs, versions and floors: clients keep their
 * positions. Named operations are not copied.
 */
export function changeListCopy({ engine, mongo }: CopyListsOptions): readonly CopyPart[] {
  const count = (table: string): Count =>
    engine.prepare<{ count: number }>(`SELECT count(*) AS count FROM ${table}`).get()!.count
  const countIn = (name: string): Promise<Count> => mongo.on(name, (on) => on.countDocuments())
  const listPage = engine.prepare<ListRow>(
    `SELECT id, name, version, floor FROM change_lists WHERE id > ? ORDER BY id LIMIT ${pageSize}`,
  )
  const elementPage = engine.prepare<ElementRow>(`
    SELECT e.list, l.name, e.element, e.version, e.inserted, e.removed
    FROM change_elements e JOIN change_lists l ON l.id = e.list
    WHERE (e.list, e.element) > (?, ?) ORDER BY e.list, e.element LIMIT ${pageSize}`)
  const lists: CopyPart = {
    name: 'change lists',
    count: () => count('change_lists'),
    countInTarget: () => countIn(collections.heads),
    async prepare() {
      const seed = seedOfEngine(engine)
      await mongo.on<{ _id: string; seed: string }, unknown>(collections.seeds, (on) =>
        on.updateOne({ _id: 'seed' }, { $set: { seed } }, { upsert: true }),
      )
    },
    copy: (after) => copyPage(listPage.all(Number(after ?? 0)), listOf, collections.heads, ({ id }) => String(id)),
    compare: (after) =>
      comparePage(listPage.all(Number(after ?? 0)), listOf, collections.heads, ({ id }) => String(id)),
  }
  const elementsAfter = (after: string | undefined): ElementRow[] =>
    elementPage.all(...((after === undefined ? [0, ''] : JSON.parse(after)) as [number, string]))
  const placeOf = ({ list, element }: ElementRow): string => JSON.stringify([list, element])
  const elements: CopyPart = {
    name: 'elements of change lists',
    count: () => count('change_elements'),
    countInTarget: () => countIn(collections.elements),
    prepare: async () => undefined,
    copy: (after) => copyPage(elementsAfter(after), elementOf, collections.elements, placeOf),
    compare: (after) => comparePage(elementsAfter(after), elementOf, collections.elements, placeOf),
  }
  return [lists, elements]

  async function copyPage<Row>(
    rows: readonly Row[],
    documentOf: (row: Row) => HeadDocument | ElementDocument,
    name: string,
    place: (row: Row) => string,
  ): Promise<CopiedPage> {
    await insertMissing(mongo, name, rows.map(documentOf))
    return { copied: rows.length, next: nextOf(rows, place) }
  }

  async function comparePage<Row>(
    rows: readonly Row[],
    documentOf: (row: Row) => HeadDocument | ElementDocument,
    name: string,
    place: (row: Row) => string,
  ): Promise<ComparedPage> {
    const expected = rows.map(documentOf)
    const found = await mongo.on<{ _id: string }, { _id: string }[]>(name, (on) =>
      on.find({ _id: { $in: expected.map(({ _id }) => _id) } }).toArray(),
    )
    const actual = new Map(found.map((document) => [document._id, document]))
    const differences = expected.flatMap((document) =>
      isSame(document, actual.get(document._id)) ? [] : [document._id.replace('\0', ': ')],
    )
    return { compared: rows.length, differences, next: nextOf(rows, place) }
  }
}

const nextOf = <Row>(rows: readonly Row[], place: (row: Row) => string): string | undefined =>
  rows.length < pageSize ? undefined : place(rows.at(-1)!)

const listOf = ({ name, version, floor }: ListRow): HeadDocument => ({
  _id: name,
  count: version - 1,
  folded: version - 1,
  floor,
  tail: [],
})

const elementOf = ({ name, element, version, inserted, removed }: ElementRow): ElementDocument => ({
  _id: elementID(name, element),
  list: name,
  element,
  version,
  inserted,
  removed: removed === 1,
})

function isSame(expected: object, actual: object | undefined): boolean {
  const other = new Map(Object.entries(actual ?? {}))
  return Object.entries(expected).every(([name, value]) => JSON.stringify(other.get(name)) === JSON.stringify(value))
}
