import { type Count, InvalidArgumentError, type Milliseconds } from '@parlance/core'

const maxKeyLength = 1024
const maxBatchCount: Count = 10_000

/** @throws {@link InvalidArgumentError} for an empty key, or one longer than 1024 characters. */
export function checkKey(key: string): void {
  if (typeof key !== 'string' || key.length === 0 || key.length > maxKeyLength)
    throw new InvalidArgumentError(`a cache key must be a string of 1 to ${maxKeyLength} characters`, {
      details: { length: typeof key === 'string' ? key.length : undefined },
    })
}

/** @throws {@link InvalidArgumentError} for a key that {@link checkKey} refuses, or more than 10 000 of them. */
export function checkKeys(keys: readonly string[]): void {
  if (keys.length > maxBatchCount)
    throw new InvalidArgumentError(`${keys.length} keys in one call; ask for at most ${maxBatchCount} at a time`)
  for (const key of keys) checkKey(key)
}

/** @throws {@link InvalidArgumentError} unless `value` is a finite number of at least `leastMs`. */
export function checkTime(name: string, value: Milliseconds, leastMs: Milliseconds): void {
  if (!(value >= leastMs && value <= Number.MAX_SAFE_INTEGER))
    throw new InvalidArgumentError(
      `${name} is ${String(value)}; it must be a number of milliseconds, ${leastMs} or more`,
    )
}
