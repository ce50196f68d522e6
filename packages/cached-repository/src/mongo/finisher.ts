import {
  backoffMs,
  type Count,
  type Counter,
  type Gauge,
  InvalidArgumentError,
  type Logger,
  type Metrics,
  type Milliseconds,
  OverloadedError,
  wait,
} from '@parlance/core'
import type { Change, LogRecord } from '@parlance/notification-bus'
import type { AnyRow } from '../entity/values.ts'
import type { Announced, ListChange, StoredRow, WriteEffects } from '../entity-store.ts'
import type { ClearQueue } from './clear-queue.ts'
import { byEntity, type Ground } from './contention.ts'
import type { IntentRow } from './intent-table.ts'
import type { Operation, RowState, RowTable } from './row-table.ts'
import type { WritePlan } from './write-plan.ts'

/** A row as a step found it and leaves it. */
export interface StepRow {
  readonly entity: string
  readonly id: string
  readonly before: StoredRow | undefined
  readonly after: StoredRow | undefined
}

/** A durable step of which the rest is to be done. */
export interface Step extends Pick<WritePlan, 'changes' | 'spreads' | 'outcomes'> {
  readonly op: Operation
  /** Under this name the list changes are appended, once. */
  readonly operation: string
  /** True when an intent has to be settled and removed, false when a mark has to be taken off. */
  readonly isIntent: boolean
  readonly rows: readonly StepRow[]
  /** Rows that were needed as they are. */
  readonly locked: readonly IntentRow[]
  readonly effects: WriteEffects
}

/** Where effects go. */
export interface Outlets {
  /** Appends once for each name of an operation. */
  readonly lists: { append(changes: readonly Change[], options: { readonly operation: string }): Promise<void> }
  readonly log: { publish(topic: string, records: readonly LogRecord[]): Promise<void> }
  /** Keeps the touches waiting that have a row. */
  ask(spreads: Step['spreads']): Promise<void>
}

/** How long somebody waits for the rest of a step, and how many steps may wait. */
export interface FinisherOptions {
  readonly waitMs: Milliseconds
  readonly maxUnfinished: Count
  readonly logger: Logger
  readonly metrics: Metrics
}

/**
 * Does the rest of durable steps, each thing until it succeeds: settles the rows, tells the caches, appends to lists, asks for
 * spreads, announces, and then makes sure that the lists say of each row what is true now.
 *
 * Steps on one row need no order for that: whoever appended last looked at the row afterwards, so what a list says last of an
 * element was true after the last write to it.
 */
export class Finisher {
  readonly #ground: Ground
  readonly #outlets: Outlets
  readonly #clears: ClearQueue
  readonly #options: FinisherOptions
  readonly #unfinished = new Map<Operation, Promise<void>>()
  readonly #closed = new AbortController()
  readonly #gauge: Gauge
  readonly #failures: Counter

  constructor(ground: Ground, outlets: Outlets, clears: ClearQueue, options: FinisherOptions) {
    this.#ground = ground
    this.#outlets = outlets
    this.#clears = clears
    this.#options = options
    const { metrics } = options
    this.#gauge = metrics.gauge('parlance_repository_unfinished_steps', 'Durable writes whose effects are not all done')
    this.#failures = metrics.counter('parlance_repository_effect_failures_total', 'Effects of writes that failed once')
  }

  /** @throws OverloadedError when too many steps are unfinished. */
  assertRoom(): void {
    if (this.#unfinished.size >= this.#options.maxUnfinished)
      throw new OverloadedError(`${this.#unfinished.size} writes wait for their effects to be done: try again later`)
  }

  /** Tells whether this process does the rest of a step. */
  has(op: Operation): boolean {
    return this.#unfinished.has(op)
  }

  /**
   * `visible` resolves when the rows can be read as the step leaves them; `shown` when the caches are told, and lists and announcements
   * durable too. Both resolve all the same when waiting any longer helps nobody; the rest goes on.
   */
  begin(step: Step): { readonly visible: Promise<void>; readonly shown: Promise<void> } {
    let [seen, shown] = [(): void => undefined, (): void => undefined]
    const visible = new Promise<void>((resolve) => (seen = resolve))
    const done = new Promise<void>((resolve) => (shown = resolve))
    const end = (): void => {
      timer.cancel()
      seen()
      shown()
    }
    const timer = this.#ground.clock.after(this.#options.waitMs, end)
    const forget = (): void => {
      this.#unfinished.delete(step.op)
      this.#gauge.set(this.#unfinished.size)
      end()
    }
    const finished = this.#finish(step, seen, end).then(forget, (error: unknown) => {
      if (!this.#closed.signal.aborted) this.#options.logger.error('a write was left for others to finish', { error })
      forget()
    })
    this.#unfinished.set(step.op, finished)
    this.#gauge.set(this.#unfinished.size)
    return { visible, shown: done }
  }

  /** Resolves when nothing is unfinished any more. */
  async idle(): Promise<void> {
    while (this.#unfinished.size > 0) await Promise.all(this.#unfinished.values())
  }

  /** Stops repeating what fails; others find it. Resolves when what is under way has ended. */
  async close(): Promise<void> {
    this.#closed.abort()
    await this.idle()
  }

  async #finish(step: Step, seen: () => void, shown: () => void): Promise<void> {
    const { effects, operation } = step
    if (step.isIntent) await this.#surely('settle', () => this.#settle(step))
    effects.committed(step.outcomes)
    seen()
    await this.#surely('tell', () => effects.told())
    const changes = await this.#surely('append', async () => {
      const decided = await this.#decided(step.changes)
      if (decided.length > 0) await this.#outlets.lists.append(decided, { operation })
      return decided
    })
    if (step.spreads.length > 0) await this.#surely('spread', () => this.#outlets.ask(step.spreads))
    for (const one of effects.announced ?? []) await this.#surely('announce', () => this.#publish(one))
    shown()
    await this.#surely('confirm', () => this.#confirmRemovals(step.changes, changes))
    if (step.isIntent) {
      await this.#surely('confirm', () => this.#confirmAll(step))
      await this.#surely('remove', () => this.#ground.intents.remove(step.op))
    } else await this.#surely('clear', () => this.#confirmRow(step))
  }

  /** Again and again, until it succeeds. */
  async #surely<T>(name: string, work: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        this.#ground.beforeStep(name)
        return await work()
      } catch (error) {
        if (this.#closed.signal.aborted) throw error
        this.#failures.add()
        this.#options.logger.warn('an effect of a write could not be done yet; trying again', { effect: name, error })
        const random = () => this.#ground.random()
        await wait(this.#ground.clock, backoffMs(attempt, { firstMs: 50, maxMs: 5_000, random }), this.#closed.signal)
      }
    }
  }

  async #settle({ op, rows, locked }: Step): Promise<void> {
    const released = [...byEntity(locked)].map(([entity, some]) => this.#table(entity).unlock(op, some))
    const written = [...byEntity(rows)].map(([entity, some]) =>
      this.#table(entity).settle(
        op,
        some.map(({ id, after }) => ({ id, stored: after })),
      ),
    )
    await Promise.all([...written, ...released])
  }

  async #publish({ topic, records }: Announced): Promise<void> {
    try {
      await this.#outlets.log.publish(topic, records)
    } catch (error) {
      if (!(error instanceof InvalidArgumentError)) throw error
      // It would never be taken, and the rows are written.
      this.#options.logger.error('an announcement was refused by the log and given up', { topic, error })
    }
  }

  /** A removal is a put where the row it is made subject to exists. */
  async #decided(changes: readonly ListChange[]): Promise<Change[]> {
    const isThere = await this.#existing(changes)
    return changes.map(({ list, element, kind, unless }) => ({
      list,
      element,
      kind: unless !== undefined && isThere(unless) ? 'put' : kind,
    }))
  }

  /** Where the row came in between, the removal is taken back. */
  async #confirmRemovals(changes: readonly ListChange[], decided: readonly Change[]): Promise<void> {
    const removals = changes.filter(({ unless }, index) => unless !== undefined && decided[index]!.kind === 'remove')
    const isThere = await this.#existing(removals)
    const wrong = removals.filter(({ unless }) => isThere(unless!))
    await this.#append(wrong.map(({ list, element }) => ({ list, element, kind: 'put' as const })))
  }

  async #existing(changes: readonly ListChange[]): Promise<(unless: NonNullable<ListChange['unless']>) => boolean> {
    const asked = new Map<string, AnyRow[]>()
    for (const { unless } of changes)
      if (unless !== undefined) asked.set(unless.schema.name, [...(asked.get(unless.schema.name) ?? []), unless.key])
    const found = new Set<AnyRow>()
    await Promise.all(
      [...asked].map(async ([entity, keys]) => {
        const table = this.#table(entity)
        const states = await table.read(keys.map((key) => table.idOf(key)))
        for (const key of keys) if (states.get(table.idOf(key))?.stored !== undefined) found.add(key)
      }),
    )
    return ({ key }) => found.has(key)
  }

  /** Takes the mark off a row that is as the step left it, or says first what is true now. */
  async #confirmRow(step: Step): Promise<void> {
    const { op } = step
    const row = step.rows[0]!
    const table = this.#table(row.entity)
    if (await this.#clears.clear(table, { id: row.id, op, stored: row.after })) return
    for (let known: string | undefined; ;) {
      const state = (await table.read([row.id])).get(row.id)
      const isMarked = state?.marks.some((mark) => mark.op === op) ?? false
      const changes = this.#corrections(step, row, state)
      const isSaid = changes.length === 0 || known === stampOf(state)
      if (!isSaid) await this.#append(changes)
      known = stampOf(state)
      if (isMarked ? await table.unmark(state!, op) : isSaid) return
    }
  }

  /** The same for all rows of an intent, until none was written in between. */
  async #confirmAll(step: Step): Promise<void> {
    for (let known: string | undefined; ;) {
      const stamps: string[] = []
      const changes: ListChange[] = []
      for (const [entity, rows] of byEntity(step.rows)) {
        const states = await this.#table(entity).read(rows.map(({ id }) => id))
        for (const row of rows) {
          const state = states.get(row.id)
          stamps.push(stampOf(state))
          changes.push(...this.#corrections(step, row, state))
        }
      }
      if (changes.length === 0 || stamps.join() === known) return
      known = stamps.join()
      await this.#append(changes)
    }
  }

  /** What a step said of a row's elements that is not true any more, said right. */
  #corrections(step: Step, row: StepRow, state: RowState | undefined): ListChange[] {
    const now = state?.stored
    if (state?.stamp === step.op || (now === undefined && row.after === undefined)) return []
    const said = new Map(step.changes.map((change) => [nameOfElement(change), change.kind]))
    return step.effects
      .changes(this.#table(row.entity).schema, row.after?.row, now?.row)
      .filter((change) => (said.get(nameOfElement(change)) ?? change.kind) !== change.kind)
  }

  async #append(changes: readonly ListChange[]): Promise<void> {
    if (changes.length === 0) return
    await this.#outlets.lists.append(await this.#decided(changes), { operation: this.#ground.newOperation() })
  }

  #table(entity: string): RowTable {
    return this.#ground.tableOf(entity)!
  }
}

const stampOf = (state: RowState | undefined): string => state?.stamp ?? ''
const nameOfElement = ({ list, element }: ListChange): string => `${list}\n${element}`
