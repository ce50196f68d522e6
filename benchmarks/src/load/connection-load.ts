import { deferred, wait } from '@parlance/core'

import { LatencyHistogram } from '../latency-histogram.ts'
import type { RawClientSink } from '../raw-client.ts'
import { ClientPool } from './client-pool.ts'
import type { LoadContext } from './load-context.ts'
import type { ConnectionsReport } from './messages.ts'
import { ServerApi } from './server-api.ts'
import { summarizeLatency } from './window-recorder.ts'

const warmUpConnections = 50
const restMs = 2_000

/** W3 and W4: connections that log in and say nothing. */
export class ConnectionLoad implements RawClientSink {
  readonly #context: LoadContext
  readonly #connectLatency = new LatencyHistogram()
  readonly #failure = deferred<never>()
  #userIDs: string[] = []
  #tokens: string[] = []

  constructor(context: LoadContext) {
    this.#context = context
  }

  chunkBegins(): void {
    // Idle connections: nothing that arrives is measured.
  }

  answered(): void {
    // Nothing is asked.
  }

  received(): void {
    // Nobody sends.
  }

  chunkEnds(): void {
    // Nothing follows from what was read.
  }

  lost(lane: number, reason: Error): void {
    this.#failure.reject(new Error(`Idle connection ${lane} was lost: ${reason.message}`, { cause: reason }))
  }

  /** W3: opens all connections and lets them idle; the runner measures the server before and after. */
  async runIdle(): Promise<ConnectionsReport> {
    await this.#prepare()
    await this.#context.mark('idle-before')
    const rate = await this.#round(async () => {
      await wait(this.#context.clock, this.#context.shape.idleMs)
      await this.#context.mark('idle-after')
    })
    return this.#report([rate])
  }

  /** W4: opens all connections, closes them and begins again, once per window. */
  async runConnects(): Promise<ConnectionsReport> {
    await this.#prepare()
    const rates: number[] = []
    for (let round = 0; round < this.#context.shape.windowCount; round += 1) {
      await this.#context.mark('window-begins', round)
      rates.push(await this.#round(() => this.#context.mark('window-ends', round)))
      await wait(this.#context.clock, restMs)
    }
    return this.#report(rates)
  }

  async #prepare(): Promise<void> {
    const api = new ServerApi(this.#context.target)
    await api.open()
    const { connectionCount, concurrentConnects } = this.#context.shape
    this.#userIDs = Array.from({ length: connectionCount }, (_, lane) => `idle-${lane}`)
    this.#tokens = await api.registerUsers(this.#userIDs)
    const warmUp = this.#pool(warmUpConnections)
    await warmUp.connect(concurrentConnects)
    warmUp.close()
    await wait(this.#context.clock, restMs)
    await this.#context.mark('prepared')
  }

  async #round(whileConnected: () => Promise<void>): Promise<number> {
    const { clock, shape } = this.#context
    const pool = this.#pool(shape.connectionCount)
    try {
      const beginsAtMs = clock.elapsed()
      await Promise.race([pool.connect(shape.concurrentConnects, this.#connectLatency), this.#failure.promise])
      const seconds = (clock.elapsed() - beginsAtMs) / 1000
      await Promise.race([whileConnected(), this.#failure.promise])
      return shape.connectionCount / seconds
    } finally {
      pool.close()
    }
  }

  #pool(count: number): ClientPool {
    const { clock, target } = this.#context
    return new ClientPool(clock, target, this.#userIDs.slice(0, count), this.#tokens, this)
  }

  #report(connectsPerSecond: number[]): ConnectionsReport {
    const { connectionCount } = this.#context.shape
    const connect = summarizeLatency(this.#connectLatency)
    return { kind: 'connections', connectionCount, connectsPerSecond, connect }
  }
}
