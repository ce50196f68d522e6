import type { Clock, Timer } from '@parlance/core'
import { closeCodes } from './close-codes.ts'
import type { Connection } from './connection.ts'
import type { ResolvedLimits } from './limits.ts'
import type { OpMessage } from './ops.ts'
import type { SessionTable } from './session-table.ts'

const sweepMs = 1_000

/**
 * Looks at all connections once a second: pings the quiet ones whose codec wants it, closes the silent ones, those whose
 * credential has expired and those that do not finish. One timer for all.
 */
export class Heartbeat<In extends OpMessage, Out> {
  readonly #sessions: SessionTable<In, Out>
  readonly #limits: ResolvedLimits
  readonly #clock: Clock
  readonly #expiredFarewell: Out | undefined
  #timer: Timer

  constructor(sessions: SessionTable<In, Out>, limits: ResolvedLimits, clock: Clock, expiredFarewell: Out | undefined) {
    this.#sessions = sessions
    this.#limits = limits
    this.#clock = clock
    this.#expiredFarewell = expiredFarewell
    this.#timer = this.#arm()
  }

  stop(): void {
    this.#timer.cancel()
  }

  #arm(): Timer {
    return this.#clock.after(sweepMs, () => {
      const nowMs = this.#clock.elapsed()
      for (const connection of this.#sessions.all()) this.#examine(connection, nowMs)
      this.#timer = this.#arm()
    })
  }

  #examine(connection: Connection<In, Out>, nowMs: number): void {
    if (nowMs >= connection.finishByMs) return connection.giveUpFinishing()
    if (this.#clock.now() >= connection.expiresAtMs)
      return connection.dismiss(this.#expiredFarewell, closeCodes.expired, 'the credential of this session has expired')
    // Nothing can be heard from a connection that is not being read.
    if (connection.isPaused) {
      connection.heardAtMs = nowMs
      return
    }
    const { idleTimeoutMs, pingAfterMs } = this.#limits
    const silentMs = nowMs - connection.heardAtMs
    if (silentMs >= idleTimeoutMs) connection.close(closeCodes.idle, 'nothing was heard for too long')
    else if (connection.codec.pings && silentMs >= pingAfterMs && nowMs - connection.pingedAtMs >= pingAfterMs)
      connection.ping()
  }
}
