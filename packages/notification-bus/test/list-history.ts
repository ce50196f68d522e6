import fc from 'fast-check'
import { expect } from 'vitest'
import type { ChangeLists, Position } from '@parlance/notification-bus'

/** One step of a list's history. */
export type Step =
  | { readonly what: 'put' | 'remove'; readonly element: number }
  | { readonly what: 'read'; readonly reader: number; readonly limit: number }
  | { readonly what: 'compact'; readonly keep: number }
  | { readonly what: 'restart' }

const element = fc.integer({ min: 0, max: 7 })
/** Any step. */
export const step: fc.Arbitrary<Step> = fc.oneof(
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
export class Reader {
  readonly held = new Map<string, number>()
  position: Position | undefined
  readonly #list: string

  constructor(list: string) {
    this.#list = list
  }

  /** Takes one page; tells whether it is up to date now. */
  async read(lists: ChangeLists, rows: ReadonlyMap<string, number>, limit: number): Promise<boolean> {
    const answer = await lists.since(this.#list, this.position, limit)
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

/** Change lists that can be opened again, and made to forget. */
export interface HistoryDriver {
  readonly lists: ChangeLists & { compact(list: string, keepVersions: number): Promise<void> }
  restart(): Promise<void>
}

/** Lives through a history, and proves that every reader ends with the list as it is. */
export async function liveThrough(history: readonly Step[], driver: HistoryDriver, list = 'list'): Promise<void> {
  const rows = new Map<string, number>()
  const readers = [new Reader(list), new Reader(list), new Reader(list)]
  for (const [index, one] of history.entries()) {
    if (one.what === 'read') await readers[one.reader]!.read(driver.lists, rows, one.limit)
    else if (one.what === 'compact') await driver.lists.compact(list, one.keep)
    else if (one.what === 'restart') await driver.restart()
    else {
      const name = `element ${one.element}`
      if (one.what === 'put') rows.set(name, index)
      else rows.delete(name)
      await driver.lists.append([{ list, element: name, kind: one.what }])
    }
  }
  for (const reader of readers) {
    while (!(await reader.read(driver.lists, rows, 2)));
    expect(reader.held).toEqual(rows)
  }
}
