import { createHash } from 'node:crypto'
import type { Count } from '@parlance/core'
import type { Position, Row, RowChanges } from '@parlance/cached-repository'

/** A change list's position as clients hold it. */
export interface KnownVersion {
  readonly versionID: string
  readonly version: number
}

/** What changed in a list since the client's version; with `full` the client reads the whole list. */
export interface Incremental<T> extends KnownVersion {
  readonly full: boolean
  readonly delete: readonly string[]
  readonly insert: readonly T[]
  readonly update: readonly T[]
}

/** The ids of a list with its version; none when the client's copy is `equal`. */
export interface IDList extends KnownVersion {
  readonly equal: boolean
  readonly ids: readonly string[]
}

/** Most changed elements told one by one; a client further behind reads the whole list. As in the reference. */
export const maxDeltaCount: Count = 200

/** The position a client says it has; undefined when it has none, or nonsense: then it gets everything. */
export function positionOf({ versionID, version }: KnownVersion): Position | undefined {
  return version >= 1 && /^[0-9a-f]{24}$/.test(versionID) ? { epoch: versionID, version } : undefined
}

/** A position as clients want it. */
export const versionOf = ({ epoch, version }: Position): KnownVersion => ({ versionID: epoch, version })

/** The answer to a client that has to read the whole list, which it then has at least as of `position`. */
export const fullAnswer = (position: Position): Incremental<never> => ({
  ...versionOf(position),
  full: true,
  delete: [],
  insert: [],
  update: [],
})

/**
 * What changed in a list since the client's version: one read of the list, one of its rows, and what `infosOf` reads.
 *
 * @param infosOf - the rows as clients see them; those without one are left out
 */
export async function incrementalOf<R, K extends keyof R, T>(
  list: RowChanges<R, K>,
  known: KnownVersion,
  infosOf: (rows: readonly Row<R>[]) => Promise<readonly T[]>,
  idOf: (key: Readonly<Pick<R, K>>) => string,
): Promise<Incremental<T>> {
  const delta = await list.since(positionOf(known), { limit: maxDeltaCount })
  if (delta.kind === 'full') return fullAnswer(delta.position)
  if (delta.more) return fullAnswer(await list.position())
  const [insert, update] = await Promise.all([infosOf(delta.inserted), infosOf(delta.updated)])
  return { ...versionOf(delta.position), full: false, delete: delta.removed.map(idOf), insert, update }
}

/** The ids of a list that was read at or after `position`. */
export function idList(position: Position, ids: readonly string[], clientHash: number): IDList {
  const equal = Number(idHash(ids)) === clientHash
  return { ...versionOf(position), equal, ids: equal ? [] : ids }
}

/**
 * OpenIM's hash of a list of ids: the first 8 bytes, big-endian, of the MD5 of their JSON; 0 for none.
 *
 * It only tells a client that its copy is complete, and protects nothing.
 */
export function idHash(ids: readonly string[]): bigint {
  if (ids.length === 0) return 0n
  return createHash('md5').update(JSON.stringify(ids)).digest().readBigUInt64BE(0)
}
