import type { Clock, Timer } from '@parlance/core'

import type { LatencyHistogram } from '../latency-histogram.ts'
import { RawClient, type RawClientSink } from '../raw-client.ts'
import type { Target } from './messages.ts'
import { runInParallel } from './run-in-parallel.ts'
import { platformID } from './server-api.ts'

const heartbeatTickMs = 250
const heartbeatTicks = 40

/** One logged-in client per user, kept alive by the official heartbeat of ten seconds, spread evenly. */
export class ClientPool {
  readonly clients: RawClient[]
  readonly #clock: Clock
  #heartbeat: Timer | undefined
  #tick = 0

  constructor(
    clock: Clock,
    target: Target,
    userIDs: readonly string[],
    tokens: readonly string[],
    sink: RawClientSink,
  ) {
    this.#clock = clock
    const { host, webSocketPort: port } = target
    this.clients = userIDs.map(
      (userID, lane) => new RawClient({ host, port, userID, token: tokens[lane]!, platformID }, lane, sink),
    )
  }

  /** Logs everyone in, `limit` at once; each login's time goes to the histogram. */
  async connect(limit: number, latency?: LatencyHistogram): Promise<void> {
    this.#beatLater()
    await runInParallel(this.clients.length, limit, async (index) => {
      const beginsAtMs = this.#clock.elapsed()
      await this.clients[index]!.connect()
      latency?.record(this.#clock.elapsed() - beginsAtMs)
    })
  }

  /** Closes every connection. */
  close(): void {
    this.#heartbeat?.cancel()
    for (const client of this.clients) client.close()
  }

  #beatLater(): void {
    this.#heartbeat = this.#clock.after(heartbeatTickMs, () => {
      for (let lane = this.#tick; lane < this.clients.length; lane += heartbeatTicks) {
        if (this.clients[lane]!.isOnline) this.clients[lane]!.beat()
      }
      this.#tick = (this.#tick + 1) % heartbeatTicks
      this.#beatLater()
    })
  }
}
