import { InvalidArgumentError } from '@parlance/core'
import { MsgData } from '@parlance/openim-protocol'
import type { Push, Pushed } from './delivery.ts'
import { decodeFramed, encodeFramed } from './framed.ts'
import { type Cause, isCause } from './push-record.ts'

interface DescribedEntry {
  readonly seq: number
  readonly size: number
  readonly cause: Cause
}

/** A push as it travels to another process; its messages are not encoded again. */
export function encodePush({ stream, batch, receivers, senders }: Push): Uint8Array {
  const entries: DescribedEntry[] = batch.map(({ seq, bytes, cause }) => ({ seq, size: bytes.length, cause }))
  return encodeFramed(
    { stream, entries, receivers: [...receivers], senders: [...senders] },
    ...batch.map(({ bytes }) => bytes),
  )
}

/** The reverse. @throws InvalidArgumentError for anything else. */
export function decodePush(bytes: Uint8Array): Push {
  const { description, rest } = decodeFramed(bytes)
  const { stream, entries, receivers, senders } = (description ?? {}) as Record<string, unknown>
  if (typeof stream !== 'string' || !isNames(receivers) || !isNames(senders) || !isEntries(entries))
    throw new InvalidArgumentError('not a push')
  if (entries.reduce((sum, { size }) => sum + size, 0) !== rest.length)
    throw new InvalidArgumentError('a push of another size than it says')
  let from = 0
  const batch = entries.map(({ seq, size, cause }): Pushed => {
    const part = rest.subarray(from, (from += size))
    return { seq, cause, bytes: part, body: MsgData.decode(part) }
  })
  return { stream, batch, receivers: new Set(receivers), senders: new Set(senders) }
}

const isNames = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((name) => typeof name === 'string')

const isEntries = (value: unknown): value is DescribedEntry[] =>
  Array.isArray(value) &&
  value.every((entry) => {
    const { seq, size, cause } = (entry ?? {}) as Partial<DescribedEntry>
    return Number.isSafeInteger(seq) && Number.isSafeInteger(size) && size! >= 0 && isCause(cause)
  })
