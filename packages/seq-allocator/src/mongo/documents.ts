import { createHash } from 'node:crypto'
import type { Bytes, Count } from '@parlance/core'
import type { NewEntry } from '../journal.ts'

/** An entry as kept: its payload, its repeat key, and in the first one of a batch the batch's id. */
export interface EntryDocument {
  readonly p: Uint8Array
  readonly k?: string
  readonly b?: string
}

/** A note as kept: the number of the last entry it is about, when it was made, and what it says. */
export interface NoteDocument {
  readonly q: number
  readonly at: number
  readonly n: Uint8Array
}

/**
 * The end of a stream, one document each, under the stream's name: every append is one compare-and-set on its `head`.
 *
 * `tail` holds the entries from `first` to `head`. Everything below `first` lies in sealed blocks, which never change.
 */
export interface TailDocument {
  readonly _id: string
  readonly head: number
  readonly first: number
  readonly floor: number
  /** Moved by whoever lost too often: fails the next compare-and-set of the others. */
  readonly epoch: number
  /** What the entries of `tail` take up. */
  readonly bytes: Bytes
  readonly tail: readonly EntryDocument[]
  /** Where parts of the unfinished grid block end that were sealed before it was full, because they are large. */
  readonly parts?: readonly number[]
  /** The newest number of each tag among the entries of `tail`, by {@link hashOf} of the tag. */
  readonly tags?: Readonly<Record<string, number>>
  readonly notes?: readonly NoteDocument[]
  /** 1 while there may be notes: what the search for them goes by. */
  readonly noted?: 1
  readonly claimedUntil?: number
}

/** Sealed entries, consecutive from `first`; under the stream's name and the number of the last one. */
export interface BlockDocument {
  readonly _id: string
  readonly first: number
  readonly entries: readonly EntryDocument[]
  /** Ends of the parts that were sealed before; together with them it covers its grid block. */
  readonly parts?: readonly number[]
}

/** The number of something that is looked up by its hash. */
export interface NumberDocument {
  readonly _id: string
  readonly q: number
}

/** Entries per block: a block ends where the number is a multiple of this. */
export const blockCount: Count = 100
/** What the notes of a tail may take up. */
export const maxNoteBytes: Bytes = 4 * 1024 * 1024
/** Most bytes that one append may store, {@link entryBytes} summed up. With notes, far below the 16 MiB that MongoDB takes. */
export const maxAppendBytes: Bytes = 8 * 1024 * 1024
/** Most entries that one append may store. */
export const maxAppendEntries: Count = 10_000

/** The last number of the grid block that a number lies in. */
export const blockEnd = (seq: number): number => Math.ceil(seq / blockCount) * blockCount

const numberDigits = 14

/** Names of streams have no NUL, so the ids of tails and of blocks can share a collection, a stream's tail first. */
export const blockID = (stream: string, last: number): string =>
  `${stream}\0${last.toString(16).padStart(numberDigits, '0')}`

/** What an entry takes up in a document, by a generous estimate. */
export const entryBytes = ({ payload, repeatKey }: NewEntry): Bytes =>
  64 + payload.byteLength + 3 * (repeatKey?.length ?? 0)

/** The same for an entry that is stored. */
export const storedBytes = ({ p, k }: EntryDocument): Bytes => 64 + p.byteLength + 3 * (k?.length ?? 0)

/** 132 bits of the SHA-256 of a text. */
export const hashOf = (text: string): string => createHash('sha256').update(text).digest('base64url').slice(0, 22)

/** Ids of one stream lie side by side: what is looked up and inserted together touches few pages of the index. */
export const numberID = (stream: string, hash: string): string => `${hashOf(stream).slice(0, 16)}.${hash}`
