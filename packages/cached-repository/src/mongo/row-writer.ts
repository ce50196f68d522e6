import { backoffMs, type Count, OverloadedError, wait } from '@parlance/core'
import type { StoredRow, WriteEffects, WriteOutcome } from '../entity-store.ts'
import { type Access, type Ground, isUncertain, makeWay, othersOn } from './contention.ts'
import type { Step } from './finisher.ts'
import type { Mark, Operation, RowState, RowTable } from './row-table.ts'
import type { WritePlan } from './write-plan.ts'

const maxMarks: Count = 64
const backoff = { firstMs: 4, maxMs: 250 }

/** A step on one row. */
export interface RowWrite {
  readonly table: RowTable
  readonly id: string
  /** True when the row is most likely not there, so that it need not be looked for. */
  readonly isInsert: boolean
  readonly effects: WriteEffects
  plan(current: StoredRow | undefined): WritePlan
  /** Called before the row is written; what it throws ends the step. */
  allow(plan: WritePlan): Promise<void>
}

/** What a step did, and what is left to do. */
export interface Written {
  readonly outcomes: readonly WriteOutcome[]
  /** `undefined` when nothing changed. */
  readonly step: Step | undefined
}

/**
 * Writes one row: read, then compare and set, with the mark in the same write. Two round trips, one for an insert; two more for
 * each time that somebody else was faster.
 *
 * Whether a write whose answer was lost was done is looked up on the row: it is neither done twice nor reported as failed. When
 * the store cannot be asked for half a lease, the error of that is thrown and says nothing about the write.
 *
 * @throws what `plan` and `allow` throw; nothing was written then.
 * @throws OverloadedError when others wrote the row all the time.
 */
export async function writeRow(ground: Ground, write: RowWrite): Promise<Written> {
  const { table, id } = write
  const op = ground.newOperation()
  const deadline = ground.clock.elapsed() + ground.leaseMs / 2
  let tried: WritePlan | undefined
  for (let attempt = 1; ; attempt++) {
    const isLate = ground.clock.elapsed() > deadline
    try {
      const isBlind = attempt === 1 && write.isInsert
      const state = isBlind ? undefined : (await table.read([id])).get(id)
      if (tried !== undefined && isWrittenBy(op, state)) return written(ground, write, op, tried)
      if (isLate) throw tooBusy(table)
      const access = await accessTo(ground, write, state, op)
      if (access === 'freed') continue
      if (access === 'free') {
        const plan = write.plan(state?.stored)
        const [row] = plan.rows
        if (row === undefined || (row.before === undefined && row.after === undefined))
          return { outcomes: plan.outcomes, step: undefined }
        await write.allow(plan)
        tried = plan
        ground.beforeStep('row')
        if (await put(ground, write, state, op, plan)) return written(ground, write, op, plan)
        if (isBlind) continue
      }
    } catch (error) {
      if (tried === undefined || isLate || !isUncertain(error)) throw error
    }
    await wait(ground.clock, backoffMs(attempt, { ...backoff, random: () => ground.random() }))
  }
}

function put(
  { clock }: Ground,
  { table, id, effects }: RowWrite,
  state: RowState | undefined,
  op: Operation,
  { rows }: WritePlan,
): Promise<boolean> {
  const { before, after } = rows[0]!
  const mark: Mark = { op, at: clock.now(), before, after, announced: effects.announced ?? [] }
  const image = { id, stored: after }
  return state === undefined ? table.create(image, mark) : table.replace(state, image, mark)
}

/** A row is free when nobody needs it and there is room for a mark. */
async function accessTo(
  ground: Ground,
  { table }: RowWrite,
  state: RowState | undefined,
  op: Operation,
): Promise<Access> {
  if (state === undefined) return 'free'
  let access = (state.marks.length < maxMarks ? 'free' : 'busy') as Access
  for (const other of othersOn(state, { op, isShared: false })) {
    const isGone = await makeWay(ground, table, state, other, op)
    access = isGone && access !== 'busy' ? 'freed' : 'busy'
  }
  return access
}

function isWrittenBy(op: Operation, state: RowState | undefined): boolean {
  return state !== undefined && (state.stamp === op || state.marks.some((mark) => mark.op === op))
}

function written(ground: Ground, { effects }: RowWrite, op: Operation, plan: WritePlan): Written {
  const rows = plan.rows.map(({ schema, id, before, after }) => ({ entity: schema.name, id, before, after }))
  const step: Step = { ...plan, op, operation: op, isIntent: false, rows, locked: [], effects }
  return { outcomes: plan.outcomes, step }
}

function tooBusy({ schema }: RowTable): OverloadedError {
  return new OverloadedError(
    `a row of ${schema.name} is written by others all the time; nothing was written: try again`,
  )
}
