import { TimeoutError } from '@parlance/core'

/**
 * Waits for a condition of the real world (a process, a socket) and returns what it yields.
 *
 * The condition is asked again each turn of the event loop, at most every 5 ms. `undefined`, `false` and a throw mean "not yet".
 *
 * @param limitMs - a safety net, not a measurement: far above what the condition needs.
 */
export async function until<T>(
  what: string,
  condition: () => T | Promise<T>,
  limitMs = 30_000,
): Promise<NonNullable<T>> {
  const started = performance.now()
  let last: unknown
  for (;;) {
    try {
      const value = await condition()
      if (value !== undefined && value !== null && value !== false) return value
      last = value
    } catch (error) {
      last = error
    }
    if (performance.now() - started > limitMs)
      throw new TimeoutError(
        `waited in vain until ${what}; last: ${last instanceof Error ? last.message : String(last)}`,
        { cause: last },
      )
    await new Promise<void>((resolve) => void setTimeout(resolve, 5))
  }
}
