import { defineContract } from '@parlance/testing'
import { defineEntity } from '../entity/declare.ts'
import { field } from '../entity/field.ts'
import { touch } from '../entity/touch.ts'
import type { AnyRow } from '../entity/values.ts'
import type { EntityStore, SpreadBatch, SpreadRequest, WriteEffects } from '../entity-store.ts'
import type { EntityStoreUnderTest } from './entity-store-contract.ts'
import { same } from './same.ts'

const titles = defineEntity('contract_title', {
  fields: { titleID: field.string(), name: field.string() },
  key: ['titleID'],
})

const { schema } = defineEntity('contract_copy', {
  fields: { shelfID: field.string(), copyID: field.number(), titleID: field.string(), note: field.string() },
  key: ['shelfID', 'copyID'],
  views: (v) => ({
    changes: v.changes({ by: 'shelfID', touchedBy: [touch(titles, { titleID: 'titleID' }, { fields: ['name'] })] }),
  }),
})

const copy = (copyID: number, titleID = 't', shelfID = 's'): AnyRow => ({ shelfID, copyID, titleID, note: '' })
const keyOf = (copyID: number, shelfID = 's'): AnyRow => ({ shelfID, copyID })
const request = (titleID = 't'): SpreadRequest => ({
  touch: 'names',
  place: titleID,
  source: titleID,
  schema,
  by: { titleID },
})
const asking = (...requests: SpreadRequest[]): WriteEffects => ({
  changes: () => [],
  spreads: () => requests,
  committed: () => undefined,
  told: async () => undefined,
})
const silent = asking()
const rename = { kind: 'put', schema: titles.schema, row: { titleID: 't', name: 'n' } } as const
const rows = { schema, by: { titleID: 't' } }

const changing = (keys: readonly AnyRow[]): SpreadBatch => ({
  changes: keys.map(({ shelfID, copyID }) => ({
    list: `contract_copy.changes:${String(shelfID)}`,
    element: `${String(shelfID)}:${String(copyID)}`,
    kind: 'put',
  })),
  announced: [],
})

async function withCopies({ store }: EntityStoreUnderTest, ...copies: AnyRow[]): Promise<EntityStore> {
  store.open(titles.schema)
  store.open(schema)
  await store.apply(
    copies.map((row) => ({ kind: 'put', schema, row })),
    silent,
  )
  return store
}

/** One batch of the first touch that waits; what it was given. */
async function batch(store: EntityStore, limit: number): Promise<AnyRow[]> {
  const [waiting] = await store.waitingSpreads(0, 1)
  const given: AnyRow[] = []
  const count = await store.spread(waiting!, rows, limit, (keys) => {
    given.push(...keys)
    return changing(keys)
  })
  same(count, given.length)
  return given
}

/** How an {@link EntityStore} keeps touches of many rows waiting, and does them batch by batch. */
export const spreadContract = defineContract<EntityStoreUnderTest>()('EntityStore, touches of many rows', {
  'a touch waits from the write that asks for it, if it has a row': async (parts) => {
    const store = await withCopies(parts, copy(1))
    await store.apply([rename], asking(request(), request('nobody has it')))
    same(
      (await store.waitingSpreads(0, 9)).map(({ touch: name, place, source }) => [name, place, source]),
      [['names', 't', 't']],
    )
  },

  'what the same step writes later does not count, what it wrote before does': async (parts) => {
    const store = await withCopies(parts)
    const put = { kind: 'put', schema, row: copy(1) } as const
    const onRename: WriteEffects = {
      ...silent,
      spreads: (of) => (of === titles.schema ? [request()] : []),
    }
    await store.apply([rename, put], onRename)
    same(await store.waitingSpreads(0, 9), [])
    await store.apply([put, rename], onRename)
    same((await store.waitingSpreads(0, 9)).length, 1)
  },

  'a write that fails leaves no touch': async (parts) => {
    const store = await withCopies(parts, copy(1))
    await store
      .apply([rename, { kind: 'insert', schema, row: copy(1) }], asking(request()))
      .catch((error: unknown) => error)
    same(await store.waitingSpreads(0, 9), [])
  },

  'batches come in the order of the keys, each row once, and the last one ends it': async (parts) => {
    const others = [copy(1, 'u'), copy(9, 'u', 'a')]
    const store = await withCopies(parts, copy(2), copy(10), copy(1, 't', 'r'), copy(3), ...others)
    await store.apply([rename], asking(request()))
    same(await batch(store, 2), [keyOf(1, 'r'), keyOf(2)])
    same(await batch(store, 2), [keyOf(3), keyOf(10)])
    same(await batch(store, 2), [])
    same(await store.waitingSpreads(0, 9), [])
  },

  'the changes of a batch are appended with it': async (parts) => {
    const store = await withCopies(parts, copy(1), copy(2))
    const list = 'contract_copy.changes:s'
    const [before] = await parts.lists.positions([list])
    await store.apply([rename], asking(request()))
    await batch(store, 1)
    const delta = await parts.lists.since(list, before)
    same(delta.kind === 'delta' && delta.inserted, ['s:1'])
  },

  'a batch that throws did nothing': async (parts) => {
    const store = await withCopies(parts, copy(1), copy(2))
    await store.apply([rename], asking(request()))
    const [waiting] = await store.waitingSpreads(0, 1)
    const failing = store.spread(waiting!, rows, 1, () => {
      throw new Error('no')
    })
    same(await failing.then(String, String), 'Error: no')
    same(await batch(store, 1), [keyOf(1)])
  },

  'rows that come and go between batches leave no other out': async (parts) => {
    const store = await withCopies(parts, ...[1, 2, 3, 4, 5].map((copyID) => copy(copyID)))
    await store.apply([rename], asking(request()))
    same(await batch(store, 2), [keyOf(1), keyOf(2)])
    await store.apply(
      [
        { kind: 'delete', schema, key: keyOf(1) },
        { kind: 'delete', schema, key: keyOf(3) },
        { kind: 'put', schema, row: copy(0) },
        { kind: 'put', schema, row: copy(4.5) },
      ],
      silent,
    )
    same(await batch(store, 9), [keyOf(4), keyOf(4.5), keyOf(5)])
  },

  'asked for again before its first batch, it is one touch': async (parts) => {
    const store = await withCopies(parts, copy(1))
    await store.apply([rename], asking(request()))
    await store.apply([rename], asking(request()))
    same(await batch(store, 9), [keyOf(1)])
    same(await store.waitingSpreads(0, 9), [])
  },

  'asked for again between batches, it goes on to its end and then begins anew': async (parts) => {
    const store = await withCopies(parts, copy(1), copy(2), copy(3))
    await store.apply([rename], asking(request()))
    same(await batch(store, 2), [keyOf(1), keyOf(2)])
    await store.apply([rename], asking(request()))
    same(await batch(store, 2), [keyOf(3)])
    same(await batch(store, 2), [keyOf(1), keyOf(2)])
    same(await batch(store, 2), [keyOf(3)])
    same(await store.waitingSpreads(0, 9), [])
  },

  'a touch that does not wait any more does nothing': async (parts) => {
    const store = await withCopies(parts, copy(1))
    await store.apply([rename], asking(request()))
    const [waiting] = await store.waitingSpreads(0, 1)
    await batch(store, 9)
    same(await store.spread(waiting!, rows, 9, changing), 0)
  },

  'waiting touches are paged by their ids': async (parts) => {
    const names = ['t', 'u', 'v']
    const store = await withCopies(parts, ...names.map((name, at) => copy(at, name)))
    await store.apply([rename], asking(...names.map(request)))
    const [first] = await store.waitingSpreads(0, 1)
    const rest = await store.waitingSpreads(first!.id, 9)
    same([first!, ...rest].map(({ place }) => place).toSorted(), names)
    same(
      rest.every(({ id }) => id > first!.id),
      true,
    )
  },
})
