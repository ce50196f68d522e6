import { backoffMs, type Clock, type Milliseconds, OverloadedError, wait } from '@parlance/core'
import type { StoredRow, WriteEffects } from '../entity-store.ts'
import {
  abortIntent,
  type Access,
  byEntity,
  type Ground,
  isUncertain,
  makeWay,
  othersOn,
  unlockRows,
} from './contention.ts'
import type { Intent, IntentImage, IntentRow } from './intent-table.ts'
import type { RowState } from './row-table.ts'
import type { Written } from './row-writer.ts'
import { nameOfRow, type WritePlan } from './write-plan.ts'

const backoff = { firstMs: 4, maxMs: 250 }

/** A step on several rows. */
export interface JointWrite {
  /** Each once. */
  readonly rows: readonly IntentRow[]
  readonly effects: WriteEffects
  plan(current: (entity: string, id: string) => StoredRow | undefined): WritePlan
  /** Called before anything is decided; what it throws ends the step. */
  allow(plan: WritePlan): Promise<void>
}

type States = ReadonlyMap<string, RowState>

/**
 * Writes several rows, or none: read (and note the intent), lock, commit; then the step is durable, and only has to be settled.
 * Three round trips, one of them a query or a bulk write per entity; more when others need the same rows.
 *
 * Locked rows are as they were read until the intent is decided by one write to it, so all conditions hold together at that
 * moment. Of two steps that need the same rows the one that began earlier goes first, and aborts the other if need be: they never
 * wait for each other.
 *
 * Whether a decision whose answer was lost was made is looked up. When the store cannot be asked for half a lease, the error
 * of that is thrown and says nothing about the writes.
 *
 * @throws what `plan` and `allow` throw; nothing was written then.
 * @throws OverloadedError when others needed the rows all the time.
 */
export async function writeJointly(ground: Ground, write: JointWrite): Promise<Written> {
  const since = ground.newOperation()
  const deadline = ground.clock.elapsed() + ground.leaseMs / 2
  for (let attempt = 1; ; attempt++) {
    const op = attempt === 1 ? since : ground.newOperation()
    const intent: Intent = {
      op,
      state: 'preparing',
      since,
      at: ground.clock.now(),
      rows: write.rows,
      images: [],
      announced: write.effects.announced ?? [],
    }
    let isDecided = false
    try {
      const plan = await lockRows(ground, write, intent, deadline)
      const images = imagesOf(write.rows, plan)
      isDecided = true
      if (await decide(ground, { ...intent, state: 'committed', images, at: ground.clock.now() }, deadline))
        return { outcomes: plan.outcomes, step: stepOf(write, intent, plan) }
      await unlockRows(ground, intent)
    } catch (error) {
      // What cannot be undone now is undone by whoever finds it.
      if (!isDecided || !isUncertain(error)) await abortIntent(ground, intent).catch((cause: unknown) => cause)
      throw error
    }
    await pause(ground.clock, attempt, ground)
  }
}

/** Locks every row as the plan found it. */
async function lockRows(ground: Ground, write: JointWrite, intent: Intent, deadline: Milliseconds): Promise<WritePlan> {
  ground.beforeStep('prepare')
  const preparing = ground.intents.prepare(intent)
  for (let attempt = 1; ; attempt++) {
    const [states] = await Promise.all([readRows(ground, write.rows), preparing])
    if (ground.clock.elapsed() > deadline)
      throw new OverloadedError('rows of this step are written by others all the time; nothing was written: try again')
    const access = await accessTo(ground, write, intent, states)
    if (access === 'free') {
      const plan = write.plan((entity, id) => states.get(nameOfRow(entity, id))?.stored)
      await write.allow(plan)
      ground.beforeStep('lock')
      if (await lockAll(ground, write.rows, intent, states)) return plan
    } else if (access === 'busy') await pause(ground.clock, attempt, ground)
  }
}

async function readRows(ground: Ground, rows: readonly IntentRow[]): Promise<States> {
  const all = new Map<string, RowState>()
  await Promise.all(
    [...byEntity(rows)].map(async ([entity, some]) => {
      const found = await ground.tableOf(entity)!.read(some.map(({ id }) => id))
      for (const [id, state] of found) all.set(nameOfRow(entity, id), state)
    }),
  )
  return all
}

/** Gets others out of the way as far as that is right. */
async function accessTo(ground: Ground, write: JointWrite, { op, since }: Intent, states: States): Promise<Access> {
  let access = 'free' as Access
  for (const { entity, id, isShared } of write.rows) {
    const state = states.get(nameOfRow(entity, id))
    for (const other of othersOn(state, { op, isShared })) {
      const isGone = await makeWay(ground, ground.tableOf(entity)!, state!, other, since)
      access = isGone && access !== 'busy' ? 'freed' : 'busy'
    }
  }
  return access
}

/** Keeps what it gets: who waits holds its rows, since the one that began earlier takes them away if need be. */
async function lockAll(ground: Ground, rows: readonly IntentRow[], { op }: Intent, states: States): Promise<boolean> {
  const wanted = rows
    .map((row) => ({ ...row, state: states.get(nameOfRow(row.entity, row.id)) }))
    .filter(({ state, isShared }) => !(isShared ? state?.readers.includes(op) : state?.lock === op))
  try {
    const done = await Promise.all(
      [...byEntity(wanted)].map(([entity, some]) => ground.tableOf(entity)!.lock(op, some)),
    )
    return done.every(Boolean)
  } catch (error) {
    if (isUncertain(error)) return false
    throw error
  }
}

/** Commits; false when somebody aborted the intent. */
async function decide(ground: Ground, intent: Intent, deadline: Milliseconds): Promise<boolean> {
  for (let attempt = 1; ; attempt++) {
    try {
      ground.beforeStep('commit')
      if (await ground.intents.commit(intent)) return true
      return (await ground.intents.find(intent.op))?.state === 'committed'
    } catch (error) {
      if (!isUncertain(error) || ground.clock.elapsed() > deadline) throw error
      await pause(ground.clock, attempt, ground)
    }
  }
}

function imagesOf(rows: readonly IntentRow[], plan: WritePlan): (IntentImage | undefined)[] {
  const planned = new Map(plan.rows.map((row) => [nameOfRow(row.schema.name, row.id), row]))
  return rows.map(({ entity, id, isShared }) => {
    const row = planned.get(nameOfRow(entity, id))
    return isShared || row === undefined ? undefined : { before: row.before, after: row.after }
  })
}

function stepOf({ effects, rows }: JointWrite, { op }: Intent, plan: WritePlan): Written['step'] {
  const images = plan.rows.map(({ schema, id, before, after }) => ({ entity: schema.name, id, before, after }))
  const locked = rows.filter(({ isShared }) => isShared)
  return { op, operation: op, isIntent: true, locked, effects, ...plan, rows: images }
}

function pause(clock: Clock, attempt: number, { random }: Ground): Promise<void> {
  return wait(clock, backoffMs(attempt, { ...backoff, random }))
}
