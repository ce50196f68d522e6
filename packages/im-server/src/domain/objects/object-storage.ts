import type { Readable } from 'node:stream'
import { type Bytes, type Count, ParlanceError } from '@parlance/core'

/** One part of an upload, as it was received. */
export interface StoredPart {
  readonly partNumber: number
  readonly byteCount: Bytes
  /** Of its bytes, in hex. */
  readonly md5: string
}

/** Content that is kept under its own hash. */
export interface StoredContent {
  /** SHA-256 of the bytes, in hex: the same content is kept once. */
  readonly contentID: string
  readonly byteCount: Bytes
}

/** First and last byte of a piece, both included. */
export interface ByteRange {
  readonly start: Bytes
  readonly end: Bytes
}

/** Nothing is known of the upload: it was never begun, or is discarded. */
export class UnknownUploadError extends ParlanceError {
  static override readonly code = 'OBJECT_UNKNOWN_UPLOAD'
}

/** A part has not the bytes it was to have, or is not there. */
export class PartMismatchError extends ParlanceError {
  static override readonly code = 'OBJECT_PART_MISMATCH'
}

/** There is no such content. */
export class UnknownContentError extends ParlanceError {
  static override readonly code = 'OBJECT_UNKNOWN_CONTENT'
}

/** What waits to be completed leaves no room for another upload. */
export class StorageFullError extends ParlanceError {
  static override readonly code = 'OBJECT_STORAGE_FULL'
  static override readonly retryable = true
}

/**
 * Keeps the bytes of files: the parts of uploads while they come in, then content under its hash.
 *
 * Ids of uploads are the caller's, 16 to 64 characters of `A-Z a-z 0-9 - _`; anything else, and any content id that is no
 * SHA-256, is refused (InvalidArgumentError). Nothing is held in memory whole. What a call promised survives a crash at any
 * moment, and what it did not finish is not seen by anybody.
 */
export interface ObjectStorage {
  /**
   * Makes room for an upload of `byteCount` bytes; again for the same one changes nothing.
   *
   * @throws {@link StorageFullError} when the uploads that wait leave too little room.
   */
  begin(uploadID: string, byteCount: Bytes): Promise<void>
  /**
   * Receives a part, which is kept once this returns; before, and after a failure, the part that was there is kept as it was.
   * Of several calls for one part the last wins, and ends the others.
   *
   * @throws {@link PartMismatchError} for more or fewer bytes than `byteCount`, {@link UnknownUploadError}, and what `bytes` fails with.
   */
  putPart(uploadID: string, partNumber: number, byteCount: Bytes, bytes: Readable): Promise<StoredPart>
  /** The parts that were received, by number. @throws {@link UnknownUploadError} */
  parts(uploadID: string): Promise<readonly StoredPart[]>
  /**
   * Puts parts 1 to n together. The content is there whole once this returns; the parts stay until {@link discard}.
   *
   * @param md5s - of each part, in order; none make an empty content.
   * @throws {@link PartMismatchError} naming a part that is not there with this MD5, {@link UnknownUploadError}.
   */
  join(uploadID: string, md5s: readonly string[]): Promise<StoredContent>
  /** Forgets an upload and its parts; nothing happens when there is none. */
  discard(uploadID: string): Promise<void>
  /** Every upload that was begun and not discarded. */
  uploads(): Promise<readonly string[]>
  /** Reads content, or a piece of it. @throws {@link UnknownContentError} */
  read(contentID: string, range?: ByteRange): Promise<Readable>
}

/** Highest number a part may have. */
export const maxPartNumber: Count = 10_000
