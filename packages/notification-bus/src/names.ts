import { type Count, InvalidArgumentError } from '@parlance/core'
import type { LogRecord } from './event-log.ts'

const maxListLength = 512
const maxOperationLength = 128
const maxElementBytes = 1024
/** Longest name that a log takes for a topic or a group. */
export const maxLogNameLength = 128
const maxKeyLength = 1024
const maxBatchRecords: Count = 10_000
const loneSurrogate = /\p{Surrogate}/u

const isStorable = (text: unknown): text is string =>
  typeof text === 'string' && text.length > 0 && !text.includes('\0') && !loneSurrogate.test(text)

/** Refuses a name that could not be told apart from another one once stored. */
export function assertListName(list: string): void {
  if (!isStorable(list) || list.length > maxListLength)
    throw new InvalidArgumentError(
      `the name of a list must have 1 to ${maxListLength} well-formed characters, none of them NUL`,
    )
}

/** Refuses an element that is too long, or could not be told apart from another one once stored. */
export function assertElement(element: string): void {
  if (!isStorable(element) || Buffer.byteLength(element) > maxElementBytes)
    throw new InvalidArgumentError(
      `an element must have 1 to ${maxElementBytes} bytes of well-formed text, none of them NUL; use its key`,
    )
}

/** Refuses the name of an operation that is empty, too long, or could not be told apart from another one once stored. */
export function assertOperation(operation: string | undefined): void {
  if (operation !== undefined && (!isStorable(operation) || operation.length > maxOperationLength))
    throw new InvalidArgumentError(
      `the name of an operation must have 1 to ${maxOperationLength} well-formed characters, none of them NUL`,
    )
}

/** Refuses a name of a topic, or of a group of consumers, that some transport could not carry. */
export function assertTopicName(what: string, name: string, maxLength: Count = maxLogNameLength): void {
  if (typeof name !== 'string' || name.length > maxLength || !/^[a-z0-9]+(?:[._-][a-z0-9]+)*$/.test(name))
    throw new InvalidArgumentError(
      `the name of a ${what} must be lower-case words and digits joined by dots, at most ${maxLength} characters, for example order.paid, not ${JSON.stringify(name)}`,
    )
}

/** Refuses records whose key is unusable; how large a payload may be is the log's own limit. */
export function assertRecords(records: readonly LogRecord[]): void {
  for (const { key, payload } of records) {
    if (typeof key !== 'string' || key.length > maxKeyLength || loneSurrogate.test(key))
      throw new InvalidArgumentError(`the key of a message must have at most ${maxKeyLength} well-formed characters`)
    if (!(payload instanceof Uint8Array)) throw new InvalidArgumentError('the payload of a message must be bytes')
  }
}

/** Refuses to consume under names that some transport could not carry, or in batches that are none or too large. */
export function assertSubscription(topic: string, group: string, maxBatch: Count): void {
  assertTopicName('topic', topic)
  assertTopicName('group', group)
  if (!Number.isSafeInteger(maxBatch) || maxBatch < 1 || maxBatch > maxBatchRecords)
    throw new InvalidArgumentError(`maxBatch must be a whole number from 1 to ${maxBatchRecords}, not ${maxBatch}`)
}
