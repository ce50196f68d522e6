import { defineEntity, field, type TouchedRows, touch, touchedRows } from '@parlance/cached-repository'
import { createBus } from '@parlance/notification-bus'
import { temporaryFolder } from '@parlance/testing'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { derivedInvalidations } from '../src/entity/dependents.ts'
import { type House, isEmbedded, openHouse } from './open-house.ts'

const told = touchedRows<{ authorID: string }, { readerID: string; bookID: number }>('loan.author')

const authors = defineEntity('author', {
  fields: {
    authorID: field.string({ max: 64 }),
    name: field.string(),
    face: field.json<object>(),
    bio: field.string(),
  },
  key: ['authorID'],
})

const loans = defineEntity('loan', {
  fields: {
    readerID: field.string({ max: 64 }),
    bookID: field.number(),
    authorID: field.string({ max: 64 }),
    note: field.string(),
  },
  key: ['readerID', 'bookID'],
  views: (v) => ({
    changes: v.changes({
      by: 'readerID',
      touchedBy: [touch(authors, { authorID: 'authorID' }, { fields: ['name', 'face'], announce: told })],
    }),
  }),
})

const visits = defineEntity('visit', {
  fields: { readerID: field.string({ max: 64 }), authorID: field.string({ max: 64 }) },
  key: ['readerID', 'authorID'],
  views: (v) => ({
    changes: v.changes({ by: 'readerID', touchedBy: [touch(authors, { authorID: 'authorID' })] }),
  }),
})

const author = { authorID: 'a', name: 'Ann', face: { url: 'x' }, bio: '' }
const loan = (bookID: number, readerID = 'r', authorID = 'a') => ({ readerID, bookID, authorID, note: '' })
const bookIDs = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, at) => from + at)

let house: House
beforeEach(() => {
  house = openHouse()
})
afterEach(async () => {
  await house.log.close()
  await house.close()
  house.folder.remove()
})

const spreadsWaiting = (): Promise<number> => house.parts.store.waitingSpreads(0, 100).then((waiting) => waiting.length)

/** What the reader's list says changed while `work` ran and was spread. */
async function updatedBy(work: () => Promise<unknown>, readerID = 'r'): Promise<number[]> {
  const repository = house.repositories.of(loans)
  const before = await repository.changes({ readerID }).position()
  await work()
  await house.repositories.whenSpread()
  const delta = await repository.changes({ readerID }).keysSince(before, { limit: 10_000 })
  if (delta.kind === 'full') throw new Error('the list began anew')
  return [...delta.inserted, ...delta.updated].map(({ bookID }) => bookID)
}

describe('a change of a row that others show', () => {
  beforeEach(async () => {
    await house.repositories.of(authors).put(author)
    await house.repositories.of(loans).putMany([loan(1), loan(2), loan(3, 'r', 'b'), loan(1, 's'), loan(4, 's', 'b')])
    await house.repositories.whenSpread()
  })

  const patch = (change: object) => (): Promise<unknown> =>
    house.repositories.of(authors).patch({ authorID: 'a' }, change)

  it('reaches the lists of all of them, and no other row', async () => {
    expect(await updatedBy(patch({ name: 'Anna' }))).toEqual([1, 2])
    expect(await updatedBy(patch({ name: 'Anne' }), 's')).toEqual([1])
    expect(await updatedBy(patch({ face: { url: 'y' } }))).toEqual([1, 2])
  })

  it('touches nothing when no named field has another value', async () => {
    expect(await updatedBy(patch({ bio: 'born' }))).toEqual([])
    expect(await updatedBy(patch({ name: 'Ann', face: { url: 'x' } }))).toEqual([])
    expect(await updatedBy(() => house.repositories.of(authors).put(author))).toEqual([])
  })

  it('counts any field where none is named', async () => {
    const repository = house.repositories.of(visits)
    await repository.put({ readerID: 'r', authorID: 'a' })
    const before = await repository.changes({ readerID: 'r' }).position()
    await patch({ bio: 'born' })()
    await patch({ bio: 'born' })()
    await house.repositories.whenSpread()
    const delta = await repository.changes({ readerID: 'r' }).keysSince(before)
    expect(delta).toMatchObject({ updated: [{ readerID: 'r', authorID: 'a' }] })
    expect(delta.position.version - before.version).toBe(1)
  })

  it('counts a row that goes, and one that comes after those that show it', async () => {
    expect(await updatedBy(() => house.repositories.of(authors).delete({ authorID: 'a' }))).toEqual([1, 2])
    expect(await updatedBy(() => house.repositories.of(authors).insert(author))).toEqual([1, 2])
    expect(await updatedBy(() => house.repositories.of(authors).insert({ ...author, authorID: 'b' }))).toEqual([3])
  })

  it('leaves nothing behind when no row shows it', async () => {
    await house.repositories.of(authors).put({ ...author, authorID: 'nobody' })
    expect(await spreadsWaiting()).toBe(0)
  })

  it('waits for nobody: the write returns before anything is touched', async () => {
    const position = await house.repositories.of(loans).changes({ readerID: 'r' }).position()
    await patch({ name: 'Anna' })()
    expect(await house.repositories.of(loans).changes({ readerID: 'r' }).position()).toEqual(position)
    expect(await spreadsWaiting()).toBe(1)
    await house.repositories.whenSpread()
    expect(await spreadsWaiting()).toBe(0)
  })

  it('is announced with what it touched, in the batches in which it did', async () => {
    const bus = createBus({ log: house.log })
    const heard: TouchedRows<{ authorID: string }, { readerID: string; bookID: number }>[] = []
    await house.repositories.of(loans).putMany(bookIDs(5, 300).map((bookID) => loan(bookID)))
    await patch({ name: 'Anna' })()
    await house.repositories.whenSpread()
    await bus.consume(told, { group: 'test', handler: async ({ messages }) => void heard.push(...messages) })
    await bus.stop()
    expect(heard.every(({ source }) => source.authorID === 'a')).toBe(true)
    expect(heard.map(({ keys }) => keys.length)).toEqual([128, 128, 43])
    expect(new Set(heard.flatMap(({ keys }) => keys.map((key) => `${key.readerID}${key.bookID}`))).size).toBe(299)
  })

  it('is refused when too much waits, and nothing is written then', async () => {
    await house.close()
    const full = openHouse(undefined, house.folder, {}, { maxWaitingSpreads: 0 })
    house = full
    full.repositories.of(loans)
    const write = full.repositories.of(authors).patch({ authorID: 'a' }, { name: 'Anna' })
    await expect(write).rejects.toMatchObject({ code: 'CORE_OVERLOADED', retryable: true })
    expect((await full.repositories.of(authors).require({ authorID: 'a' }, { read: 'store' })).name).toBe('Ann')
  })
})

it('left out, it shows', async () => {
  expect(derivedInvalidations(loans.schema)).toContainEqual({ entity: 'loan', view: 'changes<author' })
  await house.close()
  const faults = { skipInvalidation: (_: string, view: string) => view === 'changes<author' }
  house = openHouse(() => ({ faults }), house.folder)
  await house.repositories.of(authors).put(author)
  await house.repositories.of(loans).put(loan(1))
  expect(await updatedBy(() => house.repositories.of(authors).patch({ authorID: 'a' }, { name: 'x' }))).toEqual([])
})

/** A process that dies at its nth commit, and those after it. */
class Mortal {
  left = Number.POSITIVE_INFINITY
  readonly beforeCommit = (): void => {
    if (this.left-- <= 0) throw new Error('killed')
  }
}

describe.runIf(isEmbedded)('whatever commit the process does not live to see', () => {
  const rows = bookIDs(1, 300)

  // 300 rows are 3 batches: the write's commit and theirs.
  it.each([0, 1, 2, 3])('the %ith after the preparation: all lists are right in the end', async (commits) => {
    using folder = temporaryFolder()
    const mortal = new Mortal()
    const first = openHouse(undefined, folder, mortal)
    await first.repositories.of(authors).put(author)
    await first.repositories.of(loans).putMany(rows.map((bookID) => loan(bookID)))
    await first.repositories.whenSpread()
    const before = await first.repositories.of(loans).changes({ readerID: 'r' }).position()
    mortal.left = commits
    const isWritten = await first.repositories
      .of(authors)
      .patch({ authorID: 'a' }, { name: 'Anna' })
      .then(
        () => true,
        () => false,
      )
    expect(isWritten).toBe(commits > 0)
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => void setImmediate(resolve))
    first.repositories.close()
    mortal.left = Number.POSITIVE_INFINITY
    await first.engine.close()

    const second = openHouse(undefined, folder)
    const repository = second.repositories.of(loans)
    const known = await repository.changes({ readerID: 'r' }).keysSince(before, { limit: 10_000 })
    expect(known.kind === 'delta' && known.updated.length).toBe(Math.min(300, Math.max(0, commits - 1) * 128))
    await second.repositories.whenSpread()
    const delta = await repository.changes({ readerID: 'r' }).keysSince(before, { limit: 10_000 })
    expect(delta.kind === 'delta' && delta.updated.map(({ bookID }) => bookID)).toEqual(isWritten ? rows : [])
    const name = (await second.repositories.of(authors).require({ authorID: 'a' })).name
    expect(name).toBe(isWritten ? 'Anna' : 'Ann')
    // Each row once: what was committed before the end was not done again.
    const { version } = await repository.changes({ readerID: 'r' }).position()
    expect(version - before.version).toBe(isWritten ? 300 : 0)
    await second.close()
  })
})

/** A copy of one reader's rows with their authors' names, kept up to date by nothing but the change list. */
class Shelf {
  readonly names = new Map<number, string>()
  #position: Awaited<ReturnType<ReturnType<typeof list>['position']>> | undefined

  async follow(): Promise<void> {
    for (;;) {
      const delta = await list().since(this.#position, { limit: 3 })
      this.#position = delta.position
      if (delta.kind === 'full') return
      for (const { bookID } of delta.removed) this.names.delete(bookID)
      for (const { bookID, authorID } of [...delta.inserted, ...delta.updated])
        this.names.set(bookID, (await house.repositories.of(authors).get({ authorID }))?.name ?? '')
      if (!delta.more) return
    }
  }
}

const list = () => house.repositories.of(loans).changes({ readerID: 'r' })

const step = fc.oneof(
  fc.record({
    kind: fc.constant('rename' as const),
    authorID: fc.constantFrom('a', 'b'),
    name: fc.constantFrom('x', 'y', 'z'),
  }),
  fc.record({ kind: fc.constant('forget' as const), authorID: fc.constantFrom('a', 'b') }),
  fc.record({
    kind: fc.constant('lend' as const),
    bookID: fc.integer({ min: 1, max: 250 }),
    authorID: fc.constantFrom('a', 'b'),
  }),
  fc.record({ kind: fc.constant('return' as const), bookID: fc.integer({ min: 1, max: 250 }) }),
  fc.record({ kind: fc.constant('look' as const) }),
  fc.record({ kind: fc.constant('wait' as const) }),
)

it('a reader that follows its list ends with what is stored, whatever happens while touches are being spread', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), async (steps) => {
      await house.close()
      house.folder.remove()
      house = openHouse()
      const { repositories } = house
      const [ofAuthors, ofLoans] = [repositories.of(authors), repositories.of(loans)]
      const shelf = new Shelf()
      await shelf.follow()
      await ofLoans.putMany(bookIDs(1, 200).map((bookID) => loan(bookID, 'r', bookID % 2 === 0 ? 'a' : 'b')))
      for (const one of steps) {
        if (one.kind === 'rename') await ofAuthors.put({ ...author, authorID: one.authorID, name: one.name })
        else if (one.kind === 'forget') await ofAuthors.delete({ authorID: one.authorID })
        else if (one.kind === 'lend') await ofLoans.put(loan(one.bookID, 'r', one.authorID))
        else if (one.kind === 'return') await ofLoans.delete({ readerID: 'r', bookID: one.bookID })
        else if (one.kind === 'look') await shelf.follow()
        else await new Promise((resolve) => void setImmediate(resolve))
      }
      await repositories.whenSpread()
      await shelf.follow()
      const all = await ofLoans.getMany(bookIDs(1, 250).map((bookID) => ({ readerID: 'r', bookID })))
      const expected = new Map<number, string>()
      for (const row of all)
        if (row)
          expected.set(row.bookID, (await ofAuthors.get({ authorID: row.authorID }, { read: 'store' }))?.name ?? '')
      expect(new Map([...shelf.names].toSorted(([one], [other]) => one - other))).toEqual(expected)
    }),
    { numRuns: 25 },
  )
})
