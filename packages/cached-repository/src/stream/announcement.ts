import { type Bytes, InvalidArgumentError, ParlanceError } from '@parlance/core'
import type { LogRecord } from '@parlance/notification-bus'
import type { StreamAnnouncement, StreamSchema } from './stream.ts'
import { isStorable } from './stream-limits.ts'

/** What is announced of a batch could not be made; nothing of the batch was stored. */
export class AnnouncementError extends ParlanceError {
  static override readonly code = 'REPOSITORY_ANNOUNCEMENT'
}

const maxMessageBytes: Bytes = 1_000_000
const maxKeyLength = 1024

/**
 * The records that announce consecutive rows of a stream: one, or several when one would exceed a million bytes.
 *
 * @throws AnnouncementError when a message cannot be made, or what is said of one row alone is too large.
 */
export function announcementOf(
  { name, announce }: StreamSchema,
  stream: string,
  first: number,
  rows: readonly unknown[],
): LogRecord[] {
  if (announce === undefined || rows.length === 0) return []
  try {
    return recordsOf(announce, stream, first, rows)
  } catch (cause) {
    throw new AnnouncementError(
      `what is announced of ${name} ${stream} could not be made: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause, details: { stream: name } },
    )
  }
}

function recordsOf(
  announce: StreamAnnouncement<unknown, unknown>,
  stream: string,
  first: number,
  rows: readonly unknown[],
): LogRecord[] {
  const { topic } = announce
  const message = announce.message(stream, first, first + rows.length - 1, rows)
  const key = topic.key(message)
  if (typeof key !== 'string' || (key !== '' && !isStorable(key, maxKeyLength)))
    throw new InvalidArgumentError(
      `the key of a message of ${topic.name} must have at most ${maxKeyLength} well-formed characters, none of them NUL`,
    )
  const payload = topic.schema.encode(message)
  if (!(payload instanceof Uint8Array))
    throw new InvalidArgumentError(`the schema of ${topic.name} must encode to bytes`)
  if (payload.byteLength <= maxMessageBytes) return [{ key, payload }]
  if (rows.length === 1)
    throw new InvalidArgumentError(
      `the message of one row has ${payload.byteLength} bytes; it may have ${maxMessageBytes}: announce less of it`,
    )
  const half = Math.ceil(rows.length / 2)
  return [
    ...recordsOf(announce, stream, first, rows.slice(0, half)),
    ...recordsOf(announce, stream, first + half, rows.slice(half)),
  ]
}
