import { type Count, type Counter, type Logger, type Metrics, type Timer } from '@parlance/core'
import type { Succession } from '../entity-store.ts'
import { abortIntent, type Ground } from './contention.ts'
import type { Finisher, Step, StepRow } from './finisher.ts'
import type { Intent } from './intent-table.ts'
import type { Mark, RowState, RowTable } from './row-table.ts'

const maxPerSweep: Count = 200

/** What a {@link Sweeper} works with. */
export interface SweeperOptions {
  readonly ground: Ground
  readonly finisher: Finisher
  /** Those that this process knows. */
  readonly tables: () => Iterable<RowTable>
  readonly succession: () => Succession | undefined
  readonly logger: Logger
  readonly metrics: Metrics
}

/**
 * Finds what processes that died left half done, and does the rest: every third of a lease at a random moment, and when asked.
 *
 * A step found is claimed by setting its time, so that of several processes mostly one does it; doing it twice does no harm.
 */
export class Sweeper {
  readonly #options: SweeperOptions
  readonly #recovered: Counter
  #timer: Timer | undefined
  #sweeping: Promise<void> | undefined
  #isClosed = false

  constructor(options: SweeperOptions) {
    this.#options = options
    const help = 'Steps of processes that died which this one finished or undid'
    this.#recovered = options.metrics.counter('parlance_repository_recovered_steps_total', help)
  }

  start(): void {
    if (!this.#isClosed && this.#timer === undefined) this.#schedule()
  }

  /** Does the rest of everything that was left for longer than the lease, and resolves when that is done. */
  async sweep(): Promise<void> {
    this.#sweeping ??= this.#sweep().finally(() => (this.#sweeping = undefined))
    await this.#sweeping
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#timer?.cancel()
    await this.#sweeping?.catch((error: unknown) => error)
  }

  #schedule(): void {
    const { clock, leaseMs, random } = this.#options.ground
    this.#timer = clock.after((leaseMs / 3) * (0.5 + random()), () => {
      this.sweep()
        .catch((error: unknown) =>
          this.#options.logger.warn('looking for unfinished writes failed; trying again later', { error }),
        )
        .finally(() => {
          if (!this.#isClosed) this.#schedule()
        })
    })
  }

  async #sweep(): Promise<void> {
    const { ground, tables } = this.#options
    const succession = this.#options.succession()
    if (succession === undefined) return
    const before = ground.clock.now() - ground.leaseMs
    for (const intent of await ground.intents.abandoned(before, maxPerSweep)) {
      if (this.#isClosed) return
      await this.#recoverIntent(intent, succession)
    }
    for (const table of tables())
      for (const state of await table.marked(before, maxPerSweep)) {
        if (this.#isClosed) return
        await this.#recoverMarks(table, state, before, succession)
      }
    succession.wake()
  }

  async #recoverIntent(intent: Intent, succession: Succession): Promise<void> {
    const { ground, finisher } = this.#options
    if (finisher.has(intent.op)) return
    if (intent.state === 'preparing') {
      if (await abortIntent(ground, intent)) this.#recovered.add()
      return
    }
    if (!(await ground.intents.claim(intent, ground.clock.now()))) return
    const rows: StepRow[] = []
    intent.rows.forEach(({ entity, id }, index) => {
      const image = intent.images[index]
      if (image !== undefined) rows.push({ entity, id, ...image })
    })
    const locked = intent.rows.filter(({ isShared }) => isShared)
    await this.#finish({ op: intent.op, isIntent: true, rows, locked }, intent.announced, succession)
  }

  async #recoverMarks(table: RowTable, state: RowState, before: number, succession: Succession): Promise<void> {
    const { ground, finisher } = this.#options
    for (const mark of state.marks) {
      if (mark.at >= before || finisher.has(mark.op)) continue
      if (!(await table.claimMark(state.id, mark, ground.clock.now()))) continue
      const row = { entity: table.schema.name, id: state.id, before: mark.before, after: mark.after }
      await this.#finish({ op: mark.op, isIntent: false, rows: [row], locked: [] }, mark.announced, succession)
    }
  }

  async #finish(
    found: Pick<Step, 'op' | 'isIntent' | 'rows' | 'locked'>,
    announced: Mark['announced'],
    succession: Succession,
  ): Promise<void> {
    const { ground, finisher } = this.#options
    const effects = succession.effectsOf(announced)
    const moved = found.rows
      .filter(({ before, after }) => before !== undefined || after !== undefined)
      .map(({ entity, before, after }) => [ground.tableOf(entity)!.schema, before?.row, after?.row] as const)
    const changes = moved.flatMap((move) => effects.changes(...move))
    const requests = moved.flatMap((move) => effects.spreads(...move))
    const spreads = requests.map((request) => ({ request, later: () => new Set<string>() }))
    // What was decided then, by other rows, may have to be decided otherwise now: what was appended does not count as done.
    const operation = ground.newOperation()
    await finisher.begin({ ...found, operation, changes, spreads, outcomes: [], effects }).shown
    this.#recovered.add()
  }
}
