import type { Count } from '@parlance/core'
import { type ElementState, firstVersion } from '../list-delta.ts'

/** The collections of the change lists. */
export const collections = { heads: 'change_lists', elements: 'change_elements', seeds: 'change_list_seed' } as const

/** What one write appended to one list. */
export interface Batch {
  /** Random: names the batch to whoever takes it out of the tail again. */
  readonly b: string
  /** `+element` for a put, `-element` for a remove. */
  readonly c: readonly string[]
}

/**
 * A list's head: how many changes it ever took, and the latest of them.
 *
 * The tail always holds the changes from `folded` to `count`, so their versions follow from their places: an append needs
 * no number and never meets another one.
 */
export interface HeadDocument {
  readonly _id: string
  readonly count: number
  readonly tail?: readonly Batch[]
  /** How many changes left the tail for the elements. */
  readonly folded?: number
  readonly floor?: number
  /** Hashes of the latest named operations. */
  readonly ops?: readonly string[]
  /** When the floor was last raised, in ms. */
  readonly raisedAt?: number
}

/** What a list knows of one element, up to where its tail begins or further. */
export interface ElementDocument {
  readonly _id: string
  readonly list: string
  readonly element: string
  readonly version: number
  readonly inserted: number
  readonly removed: boolean
}

/** One change and the version it took. */
export interface Entry {
  readonly element: string
  readonly version: number
  readonly removed: boolean
}

/** Neither part contains NUL. */
export const elementID = (list: string, element: string): string => `${list}\0${element}`

/** The version of a list after `count` changes. */
export const versionAfter = (count: Count): number => firstVersion + count

/** The changes in the tail, oldest first. */
export function entriesOf({ folded = 0, tail = [] }: HeadDocument): Entry[] {
  return tail
    .flatMap(({ c }) => c)
    .map((change, index) => ({
      element: change.slice(1),
      version: versionAfter(folded + index + 1),
      removed: change.startsWith('-'),
    }))
}

/** Entries by element. */
export function byElement(entries: readonly Entry[]): Map<string, Entry[]> {
  const found = new Map<string, Entry[]>()
  for (const entry of entries) {
    const own = found.get(entry.element)
    if (own === undefined) found.set(entry.element, [entry])
    else own.push(entry)
  }
  return found
}

/** An element's state after those of its changes that `before` does not contain yet; `entries` has at least one. */
export function stateAfter(before: ElementState | undefined, entries: readonly Entry[]): ElementState {
  let state = before
  for (const { element, version, removed } of entries) {
    if (state !== undefined && version <= state.version) continue
    const stays = state !== undefined && (removed || !state.removed)
    state = { element, version, inserted: stays ? state!.inserted : version, removed }
  }
  return state!
}
