import { ClosedError, type Count, OverloadedError, type ParlanceError } from '@parlance/core'
import type { Connection, Sent } from './connection.ts'
import { RedisReplyError, RedisUnavailableError } from './errors.ts'
import type { RedisOutcome, RedisScript, RedisStep } from './step.ts'
import { redirectionIn, type Topology } from './topology.ts'

interface Job {
  readonly step: RedisStep
  readonly done: (outcome: RedisOutcome) => void
  /** Times it was sent and not carried out. */
  refusals: Count
  isAsking: boolean
}

/** A key is redirected this often before somebody has to look at the cluster. */
const maxRefusals: Count = 8

/**
 * Gathers the steps of one turn of the event loop and sends each node its share in one piece, all nodes at the same time.
 *
 * Steps that a server refused to carry out (their key lives elsewhere, it does not know the script) are sent again.
 */
export class Gathering {
  readonly #topology: Topology
  readonly #maxPending: Count
  readonly #label: string
  #queue: Job[] = []
  #pending: Count = 0
  #isScheduled = false
  #isClosed = false

  constructor(topology: Topology, label: string, maxPending: Count) {
    this.#topology = topology
    this.#label = label
    this.#maxPending = maxPending
  }

  /** Steps given and not answered. */
  get pending(): Count {
    return this.#pending
  }

  run(step: RedisStep): Promise<RedisOutcome> {
    if (this.#isClosed) return Promise.resolve(failed(new ClosedError(`the connection to ${this.#label} was closed`)))
    if (this.#pending >= this.#maxPending) {
      const text = `${this.#pending} commands wait for ${this.#label} already; try again later`
      return Promise.resolve(failed(new OverloadedError(text)))
    }
    this.#pending++
    return new Promise((resolve) => {
      const done = (outcome: RedisOutcome): void => {
        this.#pending--
        resolve(outcome)
      }
      this.#enqueue({ step, done, refusals: 0, isAsking: false })
    })
  }

  close(): void {
    this.#isClosed = true
  }

  #enqueue(job: Job): void {
    this.#queue.push(job)
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => this.#flush())
  }

  #flush(): void {
    this.#isScheduled = false
    const shares = new Map<Connection, Job[]>()
    for (const job of this.#queue.splice(0)) {
      const connection = this.#topology.connectionOf(job.step.key)
      if (connection === undefined) {
        this.#topology.suspect()
        job.done(failed(new RedisUnavailableError(`no node of ${this.#label} serves the key at the moment`)))
      } else add(shares, connection, job)
    }
    for (const [connection, jobs] of shares) this.#give(connection, jobs)
  }

  /** Sends jobs on a connection once it is open; at once, in this turn, if it is. */
  #give(connection: Connection, jobs: readonly Job[]): void {
    if (connection.server !== undefined) {
      void this.#send(connection, jobs)
      return
    }
    connection.whenOpen().then(
      () => void this.#send(connection, jobs),
      (error: unknown) => {
        for (const job of jobs) {
          // The connection was given up because another node serves the key now.
          if (error instanceof ClosedError && !this.#isClosed) this.#again(job)
          else job.done(failed(error as ParlanceError))
        }
      },
    )
  }

  async #send(
    connection: Connection,
    jobs: readonly Job[],
    scripts: ReadonlySet<RedisScript> = new Set(),
  ): Promise<void> {
    const { server } = connection
    if (server === undefined) return this.#give(connection, jobs)
    const sent: Sent[] = Array.from(scripts, ({ text }) => ({ words: ['SCRIPT', 'LOAD', text], asBytes: false }))
    const places: number[] = []
    for (const { step, isAsking } of jobs) {
      if (isAsking) sent.push({ words: ['ASKING'], asBytes: false })
      places.push(sent.length)
      const words = typeof step.command === 'function' ? step.command(server) : step.command
      sent.push({ words, asBytes: step.asBytes === true })
    }
    const outcomes = await connection.send(sent)
    const unknown: Job[] = []
    const moved = new Map<Connection, Job[]>()
    for (const [index, job] of jobs.entries()) {
      const outcome = outcomes[places[index]!]!
      if (outcome.ok || !(outcome.error instanceof RedisReplyError) || ++job.refusals > maxRefusals) {
        if (!outcome.ok && outcome.error instanceof RedisUnavailableError) this.#topology.suspect()
        job.done(outcome)
        continue
      }
      const redirection = redirectionIn(outcome.error.reply)
      if (redirection !== undefined) {
        job.isAsking = redirection.kind === 'ASK'
        add(moved, this.#topology.redirected(redirection, connection), job)
      } else if (outcome.error.reply.startsWith('NOSCRIPT') && job.step.script !== undefined) unknown.push(job)
      else job.done(outcome)
    }
    for (const [target, share] of moved) this.#give(target, share)
    if (unknown.length > 0) void this.#send(connection, unknown, new Set(unknown.map(({ step }) => step.script!)))
  }

  #again(job: Job): void {
    if (++job.refusals > maxRefusals)
      job.done(failed(new RedisUnavailableError(`${this.#label} has no place for a key`)))
    else this.#enqueue(job)
  }
}

function add(shares: Map<Connection, Job[]>, connection: Connection, job: Job): void {
  const share = shares.get(connection)
  if (share === undefined) shares.set(connection, [job])
  else share.push(job)
}

function failed(error: ParlanceError): RedisOutcome {
  return { ok: false, error }
}
