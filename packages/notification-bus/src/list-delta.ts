import { createHash } from 'node:crypto'
import { type Count, InvalidArgumentError } from '@parlance/core'
import type { Change, ListDelta, Position } from './change-list.ts'
import { assertElement, assertListName } from './names.ts'

/** A list that nobody touched is at this version, and so is its floor. */
export const firstVersion = 1

const maxDeltaElements: Count = 10_000

/** What a list knows of one element. */
export interface ElementState {
  readonly element: string
  /** The version of its last change. */
  readonly version: number
  /** The version at which it came, or came back, into the list. */
  readonly inserted: number
  readonly removed: boolean
}

/** What a list knows of itself. */
export interface ListHead {
  readonly epoch: string
  readonly version: number
  readonly floor: number
}

/**
 * The epoch of a list, derived from the seed of its database.
 *
 * So a list has its epoch before its first change, and keeps it as long as the database lives.
 */
export function epochOf(seed: string, list: string): string {
  return createHash('sha256').update(`${seed} ${list}`).digest('hex').slice(0, 24)
}

/** Refuses a limit of a page that is none. */
export function assertLimit(limit: Count): void {
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > maxDeltaElements)
    throw new InvalidArgumentError(`limit must be a whole number from 1 to ${maxDeltaElements}, not ${limit}`)
}

/** Refuses a number of versions to keep that is none. */
export function assertKeptVersions(what: string, versions: Count): void {
  if (!Number.isSafeInteger(versions) || versions < 0)
    throw new InvalidArgumentError(`${what} must be a whole number from 0, not ${versions}`)
}

/** Refuses changes that could not be stored. */
export function assertChanges(changes: readonly Change[]): void {
  for (const { list, element, kind } of changes) {
    assertListName(list)
    assertElement(element)
    if (kind !== 'put' && kind !== 'remove')
      throw new InvalidArgumentError(`the kind of a change is put or remove, not ${JSON.stringify(kind)}`)
  }
}

/** Tells whether a reader can go on from a position: otherwise it is told to read everything. */
export function canContinue(head: ListHead, position: Position | undefined): position is Position {
  if (position === undefined || position.epoch !== head.epoch) return false
  const { version, from = version } = position
  const whole = Number.isSafeInteger(version) && Number.isSafeInteger(from)
  return whole && from >= head.floor && from <= version && version <= head.version
}

/**
 * One page: the first `limit` of the elements changed after the position, which are given in the order of their versions.
 *
 * There are more when more than `limit` are given. Elements may be given that changed after the head was read: those that
 * came after it are left to the next delta, the others come with both.
 */
export function toDelta(
  elements: readonly ElementState[],
  position: Position,
  limit: Count,
  head: ListHead,
): ListDelta {
  const { epoch, from = position.version } = position
  const inserted: string[] = []
  const updated: string[] = []
  const removed: string[] = []
  const page = elements.slice(0, limit)
  for (const { element, inserted: since, removed: isGone } of page)
    if (since <= head.version) (isGone ? removed : since > from ? inserted : updated).push(element)
  const more = elements.length > limit
  const version = more ? Math.min(page.at(-1)!.version, head.version) : head.version
  return {
    kind: 'delta',
    inserted,
    updated,
    removed,
    position: more ? { epoch, version, from } : { epoch, version },
    more,
  }
}
