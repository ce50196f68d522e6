import type { Clock, Milliseconds, Timer } from '@parlance/core'
import { closeCodes } from './close-codes.ts'
import type { Session } from './session.ts'

const stepMs = 20

/**
 * Tells sessions to move, in random order and spread over time, so that they do not all reconnect at once: at most one
 * each millisecond while half of the time allows. Requests that take longer than three quarters of it stay unanswered,
 * so that the rest is enough for the close frames.
 */
export function moveAway(sessions: readonly Pick<Session, 'finish'>[], deadlineMs: Milliseconds, clock: Clock): Timer {
  return spread(sessions, deadlineMs / 2, clock, (session, spentMs) =>
    session.finish(closeCodes.draining, 'this node stops; reconnect', deadlineMs * 0.75 - spentMs),
  )
}

/** Does something to each, in random order and spread over time: at most one each millisecond while the time allows. */
export function spread<T>(
  all: readonly T[],
  overMs: Milliseconds,
  clock: Clock,
  act: (one: T, spentMs: Milliseconds) => void,
): Timer {
  const order = shuffled(all)
  const startedMs = clock.elapsed()
  const steps = Math.max(1, Math.ceil(Math.min(overMs, order.length) / stepMs))
  const perStep = Math.ceil(order.length / steps)
  let timer: Timer | undefined
  const step = (): void => {
    const spentMs = clock.elapsed() - startedMs
    for (const one of order.splice(0, perStep)) act(one, spentMs)
    if (order.length > 0) timer = clock.after(stepMs, step)
  }
  step()
  return { cancel: () => timer?.cancel() }
}

function shuffled<T>(items: readonly T[]): T[] {
  const order = [...items]
  for (let last = order.length - 1; last > 0; last--) {
    const other = Math.floor(Math.random() * (last + 1))
    ;[order[last], order[other]] = [order[other]!, order[last]!]
  }
  return order
}
