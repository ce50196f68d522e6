import type { Bytes, Count, Milliseconds } from '@parlance/core'

/** Bounds on what users upload. */
export interface ObjectLimits {
  /** The largest file. */
  readonly fileBytes: Bytes
  /** The largest file that comes as a form. */
  readonly formBytes: Bytes
  /** Every part but the last has this size. */
  readonly partBytes: Bytes
  /** Uploads of one user that wait to be completed. */
  readonly uploadsPerUser: Count
  /** Bytes that these may announce together: announcing costs nothing, and takes the room of others. At least {@link fileBytes}. */
  readonly uploadBytesPerUser: Bytes
  /** Time to complete an upload. */
  readonly uploadMs: Milliseconds
  /** Time to complete a form. */
  readonly formMs: Milliseconds
}

/** Bounds that suit a server with default settings. */
export const defaultObjectLimits: ObjectLimits = {
  fileBytes: 1024 ** 3,
  formBytes: 100 * 1024 ** 2,
  partBytes: 5 * 1024 ** 2,
  uploadsPerUser: 64,
  uploadBytesPerUser: 2 * 1024 ** 3,
  uploadMs: 24 * 3_600_000,
  formMs: 600_000,
}

/** The longest name of an object, with the user id it begins with. */
export const maxObjectNameLength: Count = 512
