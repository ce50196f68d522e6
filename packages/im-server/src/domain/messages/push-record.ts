import { InvalidArgumentError } from '@parlance/core'
import { json, topic } from '@parlance/notification-bus'

/** The request that made a message: the SDKs recognise their own doing by its operation id. */
export interface Cause {
  readonly operationID: string
  /** The session it came over; empty when it came another way. */
  readonly sessionID: string
  /** Who is told of a group's message besides its members: those who just left, for example. */
  readonly alsoTo?: readonly string[]
  /** Who is told of a group's message instead of its members. */
  readonly onlyTo?: readonly string[]
}

export const noCause: Cause = { operationID: '', sessionID: '' }

/** Something that has to reach the sessions of its receivers. */
export type PushRecord =
  /** Entries of a stream, by their numbers, with the cause of each. */
  | {
      readonly kind: 'stored'
      readonly stream: string
      readonly first: number
      readonly last: number
      readonly causes: readonly Cause[]
    }
  /** A message that is not kept, encoded and in base64: whoever is not connected misses it. */
  | { readonly kind: 'online'; readonly stream: string; readonly message: string; readonly causes: readonly Cause[] }

const isUserIDs = (value: unknown): boolean =>
  value === undefined || (Array.isArray(value) && value.every((userID) => typeof userID === 'string'))

/** Tells whether something that was read is a cause. */
export const isCause = (value: unknown): value is Cause => {
  const { operationID, sessionID, alsoTo, onlyTo } = (value ?? {}) as Partial<Cause>
  return typeof operationID === 'string' && typeof sessionID === 'string' && isUserIDs(alsoTo) && isUserIDs(onlyTo)
}

const isCauses = (value: unknown): value is Cause[] => Array.isArray(value) && value.every(isCause)

const isSeq = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) > 0

function check(value: unknown): PushRecord {
  const { kind, stream, first, last, causes, message } = (value ?? {}) as Record<string, unknown>
  if (typeof stream === 'string' && isCauses(causes)) {
    // One cause for each number, so no record asks for more than it carries.
    if (kind === 'stored' && isSeq(first) && isSeq(last) && first <= last && last - first + 1 === causes.length)
      return { kind, stream, first, last, causes }
    if (kind === 'online' && typeof message === 'string' && causes.length === 1)
      return { kind, stream, message, causes }
  }
  throw new InvalidArgumentError('not a push record')
}

/** A stream's messages and its twin's notifications share a key: what was sent first is pushed first. */
export const keyOf = (stream: string): string => stream.slice(stream.indexOf('/') + 1)

/** What has to reach its receivers' sessions. */
export const pushes = topic<PushRecord>('message.push', {
  schema: json(check),
  key: ({ stream }) => keyOf(stream),
})
