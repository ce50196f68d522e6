import type { Timestamp } from '@parlance/core'
import type { LogRecord } from './event-log.ts'
import { assertTopicName } from './names.ts'
import { deadLetterSuffix, type Topic, type TopicSchema } from './topic.ts'

/** A message that a group of consumers gave up, and why. */
export interface DeadLetter {
  readonly topic: string
  readonly group: string
  readonly partition: number
  readonly offset: number
  readonly key: string
  /** What the last failure said, at most 1000 characters. */
  readonly reason: string
  readonly failedAt: Timestamp
  /** The message as it was published: publish it to its topic again to replay it. */
  readonly payload: Uint8Array
}

const maxReasonLength = 1000

/** The message of whatever was thrown, short enough to keep. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  return text.slice(0, maxReasonLength)
}

/**
 * The topic that keeps the dead letters of another one: `<name>.dead`.
 *
 * It is a topic like any other: consume it to look at the letters. An embedded log keeps the newest of them,
 * 100 000 per partition, and gives up what every group has consumed, as of any topic.
 *
 * @throws InvalidArgumentError when the name is so long that no log could carry that of its letters.
 */
export function deadLettersOf(name: string): Topic<DeadLetter> {
  const letters = `${name}${deadLetterSuffix}`
  assertTopicName('topic of dead letters', letters)
  return { name: letters, schema: deadLetterSchema, key: (letter) => letter.key }
}

/** The record of a letter: it may be larger than a message, by the facts that come before the payload (at most 13 kB). */
export const letterRecord = (letter: DeadLetter): LogRecord => ({
  key: letter.key,
  payload: deadLetterSchema.encode(letter),
})

// The payload follows the facts as it is: written as text it could exceed what the log accepts, and never be buried.
const deadLetterSchema: TopicSchema<DeadLetter> = {
  encode({ payload, ...facts }) {
    const header = Buffer.from(JSON.stringify(facts))
    const length = Buffer.alloc(4)
    length.writeUInt32LE(header.byteLength)
    return Buffer.concat([length, header, payload])
  },
  decode(bytes) {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const end = 4 + buffer.readUInt32LE(0)
    const facts = JSON.parse(buffer.toString('utf8', 4, end)) as Omit<DeadLetter, 'payload'>
    return { ...facts, payload: buffer.subarray(end) }
  },
}
