import { type Bytes, InvalidArgumentError } from '@parlance/core'
import type { LogRecord } from './event-log.ts'
import { assertTopicName, maxLogNameLength } from './names.ts'

/** Most bytes of one encoded message: what a dead letter adds to it still fits into the 1 MiB that logs accept. */
const maxMessageBytes: Bytes = 1_000_000

/** What the name of a topic gets to become that of its dead letters. */
export const deadLetterSuffix = '.dead'
/** Tells whether a topic is that of another one's dead letters. */
export const keepsDeadLetters = (topicName: string): boolean => topicName.endsWith(deadLetterSuffix)

const maxTopicNameLength = maxLogNameLength - deadLetterSuffix.length

/** Turns a topic's messages into bytes and back; `decode` throws on what it cannot accept. */
export interface TopicSchema<T> {
  encode(message: T): Uint8Array
  decode(bytes: Uint8Array): T
}

/** A named, typed stream of messages; messages with the same key are consumed in order. */
export interface Topic<T> {
  readonly name: string
  readonly schema: TopicSchema<T>
  key(message: T): string
}

/**
 * Declares a topic. Names are dotted and lower case, for example `order.paid`, and have at most 123 characters, so that
 * the topic of its dead letters has a name too.
 *
 * @throws InvalidArgumentError when the name is something else.
 */
export function topic<T>(name: string, declaration: { schema: TopicSchema<T>; key: (message: T) => string }): Topic<T> {
  assertTopicName('topic', name, maxTopicNameLength)
  return { name, schema: declaration.schema, key: declaration.key }
}

/** A schema that writes JSON; `check` narrows what was read and throws when it is something else. */
export function json<T>(check: (value: unknown) => T): TopicSchema<T> {
  const encoder = new TextEncoder()
  const decoder = new TextDecoder('utf-8', { fatal: true })
  return {
    encode: (message) => encoder.encode(JSON.stringify(message)),
    decode: (bytes) => check(JSON.parse(decoder.decode(bytes))),
  }
}

/**
 * The records under which messages of a topic are published.
 *
 * For whoever publishes in a transaction of their own, through the `publishIn` of an embedded log.
 *
 * @throws InvalidArgumentError when a message is larger than a million bytes.
 */
export function encodeRecords<T>(of: Topic<T>, messages: readonly T[]): LogRecord[] {
  return messages.map((message) => {
    const payload = of.schema.encode(message)
    if (payload.byteLength > maxMessageBytes)
      throw new InvalidArgumentError(
        `a message of ${of.name} has ${payload.byteLength} bytes, at most ${maxMessageBytes} are allowed: publish a reference to it instead`,
      )
    return { key: of.key(message), payload }
  })
}
