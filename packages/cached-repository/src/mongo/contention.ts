import { type Clock, type Milliseconds, ParlanceError } from '@parlance/core'
import type { Intent, IntentTable } from './intent-table.ts'
import type { Operation, RowState, RowTable } from './row-table.ts'

/** What the steps of a store share. */
export interface Ground {
  readonly intents: IntentTable
  /** `undefined` for an entity that this process does not know. */
  tableOf(entity: string): RowTable | undefined
  readonly clock: Clock
  /** Names a step; names made later by this process sort later. */
  newOperation(): Operation
  /** What nobody took care of for so long was left by a process that died. */
  readonly leaseMs: Milliseconds
  /** In [0, 1). */
  readonly random: () => number
  /** For tests: called before each durable step with its name. */
  readonly beforeStep: (name: string) => void
}

/** A step that is not committed keeps others from its rows for this part of a lease: aborting it is always safe. */
const lockPart = 0.1

/** Tells whether what threw this may have been done all the same, so that it has to be looked up. */
export function isUncertain(error: unknown): boolean {
  return ParlanceError.is(error) && error.retryable
}

/** Whether rows may be written now, could be because others were just got out of the way, or others have to be waited for. */
export type Access = 'free' | 'freed' | 'busy'

/** Who else needs a row, so that a step may not write it (or, shared, not rely on it). */
export function othersOn(
  state: RowState | undefined,
  { op, isShared }: { readonly op: Operation | undefined; readonly isShared: boolean },
): Operation[] {
  const others = isShared ? [state?.lock] : [state?.lock, ...(state?.readers ?? [])]
  return others.filter((one) => one !== undefined && one !== op) as Operation[]
}

/**
 * Gets another step out of the way, as far as that is right: what is committed is written to the row, what was aborted is unlocked,
 * what began later or was abandoned is aborted. False when it has to be waited for.
 *
 * One round trip, and one or more if something is done.
 */
export async function makeWay(
  ground: Ground,
  table: RowTable,
  state: RowState,
  other: Operation,
  since: string,
): Promise<boolean> {
  const intent = await ground.intents.find(other)
  const isShared = state.lock !== other
  if (intent === undefined) {
    await table.unlock(other, [{ id: state.id, isShared }])
    return true
  }
  if (intent.state === 'committed') {
    const at = intent.rows.findIndex(({ entity, id }) => entity === table.schema.name && id === state.id)
    if (isShared || at < 0) await table.unlock(other, [{ id: state.id, isShared }])
    else await table.settle(other, [{ id: state.id, stored: intent.images[at]!.after }])
    return true
  }
  const isAbandoned = intent.at + ground.leaseMs * lockPart < ground.clock.now()
  if (!isAbandoned && intent.since <= since) return false
  await abortIntent(ground, intent)
  return true
}

/** Aborts an intent that is not committed and unlocks its rows; false when it is committed, or gone. */
export async function abortIntent(ground: Ground, intent: Intent): Promise<boolean> {
  ground.beforeStep('abort')
  if (!(await ground.intents.abort(intent.op))) return false
  await unlockRows(ground, intent)
  return true
}

/** One round trip per entity, all at once. */
export async function unlockRows(ground: Ground, { op, rows }: Pick<Intent, 'op' | 'rows'>): Promise<void> {
  await Promise.all([...byEntity(rows)].map(async ([entity, some]) => ground.tableOf(entity)?.unlock(op, some)))
}

/** Groups rows by their entity, in their order. */
export function byEntity<T extends { readonly entity: string }>(rows: readonly T[]): ReadonlyMap<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const row of rows) {
    const group = groups.get(row.entity)
    if (group === undefined) groups.set(row.entity, [row])
    else group.push(row)
  }
  return groups
}
