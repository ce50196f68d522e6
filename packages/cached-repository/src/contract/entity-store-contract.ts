import { rejects } from 'node:assert/strict'
import { defineContract } from '@parlance/testing'
import type { ChangeLists } from '@parlance/notification-bus'
import { defineEntity } from '../entity/declare.ts'
import { RowConflictError, RowNotFoundError } from '../entity/errors.ts'
import { field } from '../entity/field.ts'
import type { AnyRow } from '../entity/values.ts'
import { same } from './same.ts'
import type { EntityStore, ListChange, WriteEffects, WriteOutcome } from '../entity-store.ts'

/** A store with the change lists that its writes append to. */
export interface EntityStoreUnderTest {
  readonly store: EntityStore
  readonly lists: ChangeLists
}

const { schema } = defineEntity('contract_item', {
  fields: {
    shelfID: field.string(),
    itemID: field.number(),
    name: field.string(),
    isOpen: field.boolean(),
    madeAt: field.date(),
    note: field.string({ optional: true }),
    extra: field.json<unknown>({ optional: true }),
  },
  key: ['shelfID', 'itemID'],
  views: (v) => ({
    ofShelf: v.rows({ by: 'shelfID', order: { madeAt: 'desc' } }),
    openByName: v.rows({ by: 'name', where: { isOpen: true } }),
    countOfShelf: v.count({ by: 'shelfID' }),
    openOfShelf: v.count({ by: 'shelfID', where: { isOpen: true } }),
  }),
})

const item = (itemID: number, change: AnyRow = {}): AnyRow => ({
  shelfID: 's',
  itemID,
  name: 'n',
  isOpen: true,
  madeAt: new Date(1_000),
  ...change,
})

const keyOf = (itemID: number, shelfID = 's'): AnyRow => ({ shelfID, itemID })

const list = 'contract_item.changes:s'

const without: WriteEffects = {
  changes: () => [],
  spreads: () => [],
  committed: () => undefined,
  told: async () => undefined,
}

const change = (itemID: number, kind: ListChange['kind'] = 'put'): ListChange => ({
  list,
  element: `s:${itemID}`,
  kind,
})

const appending: WriteEffects = {
  ...without,
  changes: (_, before, after) => [
    change((after ?? before)!['itemID'] as number, after === undefined ? 'remove' : 'put'),
  ],
}

async function put(store: EntityStore, ...rows: AnyRow[]): Promise<readonly WriteOutcome[]> {
  return store.apply(
    rows.map((row) => ({ kind: 'put', schema, row })),
    without,
  )
}

async function rowsOf(store: EntityStore, ...keys: AnyRow[]): Promise<(AnyRow | undefined)[]> {
  return (await store.getMany(schema, keys)).map((stored) => stored?.row)
}

const open = ({ store }: EntityStoreUnderTest): EntityStore => {
  store.open(schema)
  return store
}

/** What every {@link EntityStore} does, with the change lists it writes to. */
export const entityStoreContract = defineContract<EntityStoreUnderTest>()('EntityStore', {
  'what is read equals what was written, field by field': async (parts) => {
    const store = open(parts)
    const rows = [
      item(1, { name: 'é 你 🎉 "quoted" \\ %:', madeAt: new Date(-1), isOpen: false }),
      item(2.5, { name: '', note: '', extra: { list: [1, null, 'x'], deep: { yes: true } } }),
      item(-7, { madeAt: new Date(8.64e15), extra: null }),
      item(Number.MAX_SAFE_INTEGER, { extra: 'text' }),
    ]
    await put(store, ...rows)
    same(await rowsOf(store, ...rows), rows)
    same(Object.keys((await rowsOf(store, rows[0]!))[0]!).includes('note'), false)
  },

  'rows come in the order of the keys, twice when asked twice, undefined where there is none': async (parts) => {
    const store = open(parts)
    await put(store, item(1), item(2), item(3, { shelfID: 't' }))
    const found = await rowsOf(store, keyOf(2), keyOf(9), keyOf(3, 't'), keyOf(1), keyOf(2), keyOf(3))
    same(
      found.map((row) => row?.['itemID']),
      [2, undefined, 3, 1, 2, undefined],
    )
  },

  'hundreds of keys are found in one call': async (parts) => {
    const store = open(parts)
    const ids = Array.from({ length: 333 }, (_, index) => index)
    await put(store, ...ids.map((id) => item(id)))
    const asked = ids.flatMap((id) => [keyOf(id), keyOf(id + 0.5)])
    const found = await rowsOf(store, ...asked)
    same(
      found.map((row) => row?.['itemID']),
      ids.flatMap((id) => [id, undefined]),
    )
  },

  'a revision counts the writes of a row, from 1': async (parts) => {
    const store = open(parts)
    await put(store, item(1))
    await put(store, item(1, { name: 'm' }))
    await store.apply([{ kind: 'patch', schema, key: keyOf(1), change: { name: 'l' }, ifRevision: 2 }], without)
    same((await store.getMany(schema, [keyOf(1)]))[0], { row: item(1, { name: 'l' }), revision: 3 })
    await store.apply([{ kind: 'delete', schema, key: keyOf(1) }], without)
    await put(store, item(1))
    same((await store.getMany(schema, [keyOf(1)]))[0]!.revision, 1)
  },

  'a patch changes and clears the fields it names, and no others': async (parts) => {
    const store = open(parts)
    await put(store, item(1, { note: 'x', extra: [1] }))
    const patch = { name: 'm', note: undefined }
    const [outcome] = await store.apply(
      [{ kind: 'patch', schema, key: keyOf(1), change: patch, ifRevision: undefined }],
      without,
    )
    same(outcome!.before!.row, item(1, { note: 'x', extra: [1] }))
    same(outcome!.after!.row, item(1, { name: 'm', extra: [1] }))
    same(await rowsOf(store, keyOf(1)), [item(1, { name: 'm', extra: [1] })])
    same('note' in (await rowsOf(store, keyOf(1)))[0]!, false)
  },

  'a list has its order, ties in the order of the keys, and only what its filter passes': async (parts) => {
    const store = open(parts)
    await put(
      store,
      item(3, { madeAt: new Date(5) }),
      item(1, { madeAt: new Date(5), isOpen: false }),
      item(2, { madeAt: new Date(9) }),
      item(4, { shelfID: 't' }),
      item(10, { madeAt: new Date(-5) }),
    )
    const ids = async (view: string, by: AnyRow) => (await store.keysOf(schema, view, by)).map((key) => key['itemID'])
    same(await ids('ofShelf', { shelfID: 's' }), [2, 1, 3, 10])
    same(await ids('openByName', { name: 'n' }), [2, 3, 10, 4])
    same(await ids('ofShelf', { shelfID: 'nobody' }), [])
    same(await store.keysOf(schema, 'ofShelf', { shelfID: 't' }), [{ ...keyOf(4, 't'), madeAt: new Date(1_000) }])
    const part = async (offset: number, limit: number) =>
      (await store.keysOf(schema, 'ofShelf', { shelfID: 's' }, { offset, limit })).map((key) => key['itemID'])
    same([await part(1, 2), await part(3, 9), await part(4, 1), await part(0, 0)], [[1, 3], [10], [], []])
    same(await store.countOf(schema, 'ofShelf', { shelfID: 's' }), 4)
    same(await store.countOf(schema, 'openByName', { name: 'n' }), 4)
  },

  'a count counts what its filter passes': async (parts) => {
    const store = open(parts)
    await put(store, item(1), item(2, { isOpen: false }), item(3, { shelfID: 't' }))
    same(await store.countOf(schema, 'countOfShelf', { shelfID: 's' }), 2)
    same(await store.countOf(schema, 'openOfShelf', { shelfID: 's' }), 1)
    same(await store.countOf(schema, 'openOfShelf', { shelfID: 'nobody' }), 0)
  },

  'an insert of a key that is there writes nothing of its call, list changes included': async (parts) => {
    const store = open(parts)
    await put(store, item(2))
    const [before] = await parts.lists.positions([list])
    const inserts = [item(1), item(2, { name: 'other' })].map((row) => ({ kind: 'insert' as const, schema, row }))
    await rejects(store.apply(inserts, appending), RowConflictError)
    same(await rowsOf(store, keyOf(1), keyOf(2)), [undefined, item(2)])
    same(await parts.lists.positions([list]), [before])
    same(await store.countOf(schema, 'countOfShelf', { shelfID: 's' }), 1)
  },

  'a patch of no row, or of another revision, writes nothing of its call': async (parts) => {
    const store = open(parts)
    await put(store, item(1))
    const other = { kind: 'put' as const, schema, row: item(5) }
    const patch = (itemID: number, ifRevision?: number) => ({
      kind: 'patch' as const,
      schema,
      key: keyOf(itemID),
      change: { name: 'm' },
      ifRevision,
    })
    await rejects(store.apply([other, patch(9)], appending), RowNotFoundError)
    await rejects(store.apply([other, patch(1, 2)], appending), RowConflictError)
    same(await rowsOf(store, keyOf(1), keyOf(5)), [item(1), undefined])
  },

  'of two patches of one revision one wins': async (parts) => {
    const store = open(parts)
    await put(store, item(1))
    const patch = (name: string) =>
      store.apply([{ kind: 'patch', schema, key: keyOf(1), change: { name }, ifRevision: 1 }], without)
    const outcomes = await Promise.allSettled([patch('a'), patch('b'), patch('c')])
    same(outcomes.filter(({ status }) => status === 'fulfilled').length, 1)
    same((await store.getMany(schema, [keyOf(1)]))[0]!.revision, 2)
  },

  'a delete of another revision deletes nothing, and neither does one of no row that asks for a revision': async (
    parts,
  ) => {
    const store = open(parts)
    await put(store, item(1))
    const remove = (itemID: number, ifRevision: number) =>
      store.apply([{ kind: 'delete', schema, key: keyOf(itemID), ifRevision }], appending)
    await rejects(remove(1, 2), RowConflictError)
    await rejects(remove(2, 1), RowNotFoundError)
    same(await rowsOf(store, keyOf(1)), [item(1)])
    await remove(1, 1)
    same(await rowsOf(store, keyOf(1)), [undefined])
  },

  'a condition lets the other writes be done only at its revision, and changes nothing itself': async (parts) => {
    const store = open(parts)
    await put(store, item(1))
    const [before] = await parts.lists.positions([list])
    const requiring = (itemID: number, ifRevision: number) =>
      store.apply(
        [
          { kind: 'put', schema, row: item(3) },
          { kind: 'require', schema, key: keyOf(itemID), ifRevision },
        ],
        appending,
      )
    await rejects(requiring(1, 2), RowConflictError)
    await rejects(requiring(2, 1), RowNotFoundError)
    same(await rowsOf(store, keyOf(3)), [undefined])
    const outcomes = await requiring(1, 1)
    same(outcomes[1], { before: undefined, after: undefined })
    same((await store.getMany(schema, [keyOf(1)]))[0]!.revision, 1)
    same((await parts.lists.positions([list]))[0]!.version, before!.version + 1)
  },

  'a condition on a row that is there lets the other writes be done unless it throws': async (parts) => {
    const store = open(parts)
    await put(store, item(1))
    const checking = (itemID: number, condition: (row: AnyRow) => void) =>
      store.apply(
        [
          { kind: 'put', schema, row: item(3) },
          { kind: 'check', schema, key: keyOf(itemID), condition },
        ],
        appending,
      )
    const refuse = (): never => {
      throw new RowConflictError('not so')
    }
    await rejects(checking(1, refuse), RowConflictError)
    await rejects(
      checking(2, () => undefined),
      RowNotFoundError,
    )
    same(await rowsOf(store, keyOf(3)), [undefined])
    const seen: AnyRow[] = []
    const outcomes = await checking(1, (row) => void seen.push(row))
    same(outcomes[1], { before: undefined, after: undefined })
    same(seen.at(-1), item(1))
    same((await store.getMany(schema, [keyOf(1)]))[0]!.revision, 1)
    same(await rowsOf(store, keyOf(3)), [item(3)])
  },

  'a delete of no row does nothing and appends nothing': async (parts) => {
    const store = open(parts)
    const [before] = await parts.lists.positions([list])
    const outcomes = await store.apply([{ kind: 'delete', schema, key: keyOf(1) }], appending)
    same(outcomes, [{ before: undefined, after: undefined }])
    same(await parts.lists.positions([list]), [before])
  },

  'writes of one call see those before them': async (parts) => {
    const store = open(parts)
    const outcomes = await store.apply(
      [
        { kind: 'insert', schema, row: item(1) },
        { kind: 'patch', schema, key: keyOf(1), change: { name: 'm' }, ifRevision: 1 },
        { kind: 'delete', schema, key: keyOf(1) },
        { kind: 'insert', schema, row: item(1, { name: 'l' }) },
      ],
      without,
    )
    same(
      outcomes.map(({ after }) => after?.row['name']),
      ['n', 'm', undefined, 'l'],
    )
    same(
      outcomes.map(({ before }) => before?.row['name']),
      [undefined, 'n', 'm', undefined],
    )
    same(await rowsOf(store, keyOf(1)), [item(1, { name: 'l' })])
  },

  'list changes are appended in the order of the writes, one version each': async (parts) => {
    const store = open(parts)
    await store.apply([{ kind: 'put', schema, row: item(7) }], appending)
    const [before] = await parts.lists.positions([list])
    await store.apply(
      [
        { kind: 'put', schema, row: item(2) },
        { kind: 'put', schema, row: item(1) },
        { kind: 'delete', schema, key: keyOf(7) },
      ],
      appending,
    )
    const delta = await parts.lists.since(list, before)
    const position = { epoch: before!.epoch, version: before!.version + 3 }
    same(delta, { kind: 'delta', inserted: ['s:2', 's:1'], updated: [], removed: ['s:7'], position, more: false })
  },

  'a removal is a put when the row it is made subject to exists': async (parts) => {
    const store = open(parts)
    await put(store, item(1))
    const [before] = await parts.lists.positions([list])
    await store.apply([{ kind: 'put', schema, row: item(9, { shelfID: 't' }) }], {
      ...without,
      changes: () => [
        { ...change(1, 'remove'), unless: { schema, key: keyOf(1) } },
        { ...change(2, 'remove'), unless: { schema, key: keyOf(2) } },
      ],
    })
    const delta = await parts.lists.since(list, before)
    same(delta.kind === 'delta' && [delta.inserted, delta.removed], [['s:1'], ['s:2']])
  },

  'committed is told once, when the write can be read, and before the call returns': async (parts) => {
    const store = open(parts)
    const told: unknown[] = []
    const outcomes = await store.apply([{ kind: 'put', schema, row: item(1) }], {
      ...without,
      committed: (results) => told.push(results),
    })
    same(told, [outcomes])
    const failing = store.apply([{ kind: 'insert', schema, row: item(1) }], {
      ...without,
      committed: (results) => told.push(results),
    })
    await rejects(failing, RowConflictError)
    same(told.length, 1)
  },

  'opening again changes nothing': async (parts) => {
    const store = open(parts)
    await put(store, item(1))
    store.open(schema)
    same(await rowsOf(store, keyOf(1)), [item(1)])
  },
})
