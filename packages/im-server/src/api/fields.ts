import type { Count } from '@parlance/core'
import { z } from 'zod'
import { idLength, isPrintable } from '../domain/ids.ts'

const conversationIDLength = 256
const maxInt32 = 2 ** 31 - 1

/** Most ids one request may name. */
export const maxIDsPerRequest = 1_000
/** Most rows one page may have; what the official core asks for when it reads a whole list. */
export const maxPageCount = 10_000
/** Most conversations one request may name; as many as one pull reads. */
export const maxConversationsPerRequest = 3_000

const isStorable = (value: string): boolean => !/[\0\p{Cs}]/u.test(value)

// Counted as the store counts: in UTF-16 units.
const string = (minLength: Count, maxLength: Count) =>
  z
    .string('must be a string')
    .refine(({ length }) => length >= minLength, 'must not be empty')
    .refine(({ length }) => length <= maxLength, `must have at most ${maxLength} characters`)

const name = (maxLength: Count) => string(1, maxLength).refine(isPrintable, 'must not contain control characters')

/** A user's or group's id. */
export const id = name(idLength)

/** The same, or empty; empty when absent. */
export const optionalID = id
  .or(z.literal(''))
  .nullish()
  .transform((value) => value ?? '')

/** A conversation's id, as clients compute it. */
export const conversationID = name(conversationIDLength)

/** Words that have to be there, at most `maxLength` characters. */
export const requiredText = (minLength: Count, maxLength: Count) =>
  string(minLength, maxLength).refine(isStorable, 'must be well-formed Unicode without NUL')

/** Words that are left as they are when absent. */
export const changedText = (maxLength: Count) => requiredText(0, maxLength).nullish()

/** Words of at most `maxLength` characters; absent is empty, as in the reference. */
export const text = (maxLength: Count) => changedText(maxLength).transform((value) => value ?? '')

/** A whole number. */
export const int = (min: number, max = maxInt32) =>
  z.int('must be a whole number').min(min, `must be at least ${min}`).max(max, `must be at most ${max}`)

/** A whole number that is 0 when absent. */
export const optionalInt = (min = 0, max = maxInt32) =>
  int(min, max)
    .nullish()
    .transform((value) => value ?? 0)

/** A number of a message or version; 0 when absent. */
export const optionalSeq = optionalInt(0, Number.MAX_SAFE_INTEGER)

/** False when absent. */
export const flag = z
  .boolean('must be true or false')
  .nullish()
  .transform((value) => value ?? false)

/** At least one id. */
export const ids = z
  .array(id, 'must be a list of ids')
  .min(1, 'must name at least one')
  .max(maxIDsPerRequest, `must name at most ${maxIDsPerRequest}`)

/** Ids, or none; null and absent are the empty list, as Go clients send it. */
export const optionalIDs = z
  .array(id, 'must be a list of ids')
  .max(maxIDsPerRequest, `must name at most ${maxIDsPerRequest}`)
  .nullish()
  .transform((value) => value ?? [])

/** Conversation ids, or none; clients ask for many at once. */
export const conversationIDs = z
  .array(conversationID, 'must be a list of conversation ids')
  .max(maxConversationsPerRequest, `must name at most ${maxConversationsPerRequest}`)
  .nullish()
  .transform((value) => value ?? [])

/** Numbers of messages. */
export const seqs = z
  .array(int(1, Number.MAX_SAFE_INTEGER), 'must be a list of seqs')
  .max(maxPageCount, `must name at most ${maxPageCount}`)
  .nullish()
  .transform((value) => value ?? [])

/** Which page of a list. */
export const pagination = z.object(
  { pageNumber: int(1), showNumber: int(1, maxPageCount) },
  'must be an object with pageNumber and showNumber',
)

/** What the client has of a list that is synchronized; nothing yet when absent. */
export const knownVersion = { versionID: text(idLength), version: optionalSeq }

/** Hash of the ids the client has; a 64-bit number, of which the 53 bits that fit are compared. */
export const idHash = z
  .number('must be a number')
  .min(0, 'must not be negative')
  .nullish()
  .transform((value) => value ?? 0)

/** A body of which no field is needed. */
export const nothing = z.object({}, 'must be an object')
