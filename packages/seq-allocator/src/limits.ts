import { type Bytes, type Count, InvalidArgumentError } from '@parlance/core'
import type { NewEntry } from './journal.ts'

/** Longest name of a stream, in UTF-16 units. */
export const maxStreamNameLength = 512
/** Longest repeat key, in UTF-16 units. */
export const maxRepeatKeyLength = 512
/** Most entries that one read returns, whatever limit was asked. */
export const maxReadEntries: Count = 10_000

/** Most numbers that one reservation of segments takes. */
export const maxReservation: Count = 1_000_000

/** Most bytes that one read may be asked to stay within. */
export const maxReadBytes: Bytes = 1024 * 1024 * 1024

const loneSurrogate = /\p{Surrogate}/u

/** Refuses a name that could not be told apart from another one once stored. */
export function assertStreamName(stream: string): void {
  const usable =
    typeof stream === 'string' &&
    stream.length > 0 &&
    stream.length <= maxStreamNameLength &&
    !stream.includes('\0') &&
    !loneSurrogate.test(stream)
  if (!usable)
    throw new InvalidArgumentError(
      `the name of a stream must have 1 to ${maxStreamNameLength} well-formed characters, none of them NUL`,
    )
}

/** Refuses entries that are too large or whose repeat key is unusable. */
export function assertEntries(entries: readonly NewEntry[], maxPayloadBytes: number): void {
  for (const { payload, repeatKey } of entries) {
    if (!(payload instanceof Uint8Array) || payload.byteLength > maxPayloadBytes)
      throw new InvalidArgumentError(`a payload must be bytes, at most ${maxPayloadBytes} of them`)
    if (repeatKey !== undefined && (repeatKey.length === 0 || repeatKey.length > maxRepeatKeyLength))
      throw new InvalidArgumentError(
        `a repeat key must have 1 to ${maxRepeatKeyLength} characters; leave it out when there is none`,
      )
  }
}

/** Refuses a number that is no count between 1 and `most`. */
export function assertCount(what: string, count: Count, most: Count): void {
  if (!Number.isSafeInteger(count) || count < 1 || count > most)
    throw new InvalidArgumentError(`${what} must be a whole number from 1 to ${most}, not ${count}`)
}
