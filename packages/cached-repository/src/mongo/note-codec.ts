import type { LogRecord } from '@parlance/notification-bus'
import { BSON } from 'mongodb'

/** Records for one topic. */
export interface Announced {
  readonly topic: string
  readonly records: readonly LogRecord[]
}

interface NoteDocument {
  readonly a: readonly { readonly t: string; readonly r: readonly { readonly k: string; readonly p: Uint8Array }[] }[]
}

/** What has to be published, as a journal keeps it. */
export function encodeNote(announced: readonly Announced[]): Uint8Array {
  const note: NoteDocument = {
    a: announced.map(({ topic, records }) => ({
      t: topic,
      r: records.map(({ key, payload }) => ({ k: key, p: payload })),
    })),
  }
  return BSON.serialize(note)
}

/** What {@link encodeNote} was given. */
export function decodeNote(note: Uint8Array): Announced[] {
  const { a } = BSON.deserialize(note, { promoteBuffers: true }) as NoteDocument
  return a.map(({ t, r }) => ({ topic: t, records: r.map(({ k, p }) => ({ key: k, payload: p })) }))
}
