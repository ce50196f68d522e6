import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SqliteEngine } from '@parlance/engines/sqlite'
import type { ChangeLists, Position } from '@parlance/notification-bus'
import { createEmbeddedChangeLists } from '@parlance/notification-bus/embedded'
import { temporaryFolder } from '@parlance/testing'

type Step =
  | { readonly what: 'put' | 'remove'; readonly element: number }
  | { readonly what: 'read'; readonly reader: number; readonly limit: number }
  | { readonly what: 'compact'; readonly keep: number }
  | { readonly what: 'restart' }

const element = fc.integer({ min: 0, max: 7 })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ what: fc.constantFrom('put' as const, 'remove' as const), element }) },
  {
    weight: 4,
    arbitrary: fc.record({
      what: fc.constant('read' as const),
      reader: fc.integer({ min: 0, max: 2 }),
      limit: fc.integer({ min: 1, max: 4 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('compact' as const), keep: fc.integer({ min: 0, max: 6 }) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('restart' as const) }) },
)

/** A client: holds rows of some version, applies deltas, and reads everything when told to. */
class Reader {
  readonly held = new Map<string, number>()
  position: Position | undefined

  /** Takes one page; tells whether it is up to date now. */
  async read(lists: ChangeLists, rows: ReadonlyMap<string, number>, limit: number): Promise<boolean> {
    const answer = await lists.since('list', this.position, limit)
    this.position = answer.position
    if (answer.kind === 'full') {
      this.held.clear()
      for (const [name, value] of rows) this.held.set(name, value)
      return true
    }
    for (const name of answer.updated)
      expect(this.held.has(name), `${name} is updated, but nobody inserted it`).toBe(true)
    for (const name of answer.removed) this.held.delete(name)
    for (const name of [...answer.inserted, ...answer.updated]) {
      const row = rows.get(name)
      if (row === undefined) this.held.delete(name)
      else this.held.set(name, row)
    }
    return !answer.more
  }
}

test('whoever applies deltas from whatever position ends with the list as it is', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 60 }),
      fc.integer({ min: 0, max: 20 }),
      async (history, keptVersions) => {
        using folder = temporaryFolder()
        const open = () => SqliteEngine.open({ path: `${folder.path}/data.db` })
        let engine = open()
        let lists = createEmbeddedChangeLists({ engine, maxCachedLists: 1, keptVersions })
        const rows = new Map<string, number>()
        const readers = [new Reader(), new Reader(), new Reader()]
        for (const [index, one] of history.entries()) {
          if (one.what === 'read') await readers[one.reader]!.read(lists, rows, one.limit)
          else if (one.what === 'compact') await lists.compact('list', one.keep)
          else if (one.what === 'restart') {
            await engine.close()
            engine = open()
            lists = createEmbeddedChangeLists({ engine, maxCachedLists: 1, keptVersions })
          } else {
            const name = `element ${one.element}`
            if (one.what === 'put') rows.set(name, index)
            else rows.delete(name)
            await lists.append([{ list: 'list', element: name, kind: one.what }])
          }
        }
        for (const reader of readers) {
          while (!(await reader.read(lists, rows, 2)));
          expect(reader.held).toEqual(rows)
        }
        await engine.close()
      },
    ),
    { numRuns: 100 },
  )
})
