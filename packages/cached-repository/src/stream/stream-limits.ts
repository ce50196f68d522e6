import { type Bytes, InvalidArgumentError } from '@parlance/core'
import { InvalidRowError } from '../entity/errors.ts'

/** Longest name of a stream, in UTF-16 units: with the name of its kind before it, a journal takes 512. */
export const maxStreamNameLength = 448
/** Longest repeat key and longest value of a `last` view, in UTF-16 units. */
export const maxMarkLength = 512
/** Largest entry that a journal takes. */
export const maxEntryBytes: Bytes = 1024 * 1024

const loneSurrogate = /\p{Surrogate}/u

/** Tells whether a text of 1 to `maxLength` UTF-16 units can be stored and told apart from every other one. */
export function isStorable(text: unknown, maxLength: number): text is string {
  return (
    typeof text === 'string' &&
    text.length > 0 &&
    text.length <= maxLength &&
    !text.includes('\0') &&
    !loneSurrogate.test(text)
  )
}

/** @throws InvalidArgumentError for a name that no stream can have. */
export function assertStreamName(stream: string): void {
  if (!isStorable(stream, maxStreamNameLength))
    throw new InvalidArgumentError(
      `the name of a stream must have 1 to ${maxStreamNameLength} well-formed characters, none of them NUL`,
    )
}

/** @throws InvalidRowError for a repeat key, or a value of a `last` view, that cannot be stored. */
export function assertMark(what: string, value: unknown, minLength: 0 | 1): void {
  if (minLength === 0 && value === '') return
  if (!isStorable(value, maxMarkLength))
    throw new InvalidRowError(
      `${what} must have ${minLength} to ${maxMarkLength} well-formed characters, none of them NUL`,
    )
}
