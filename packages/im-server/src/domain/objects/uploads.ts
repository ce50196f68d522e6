import { createHash, randomBytes } from 'node:crypto'
import type { Readable } from 'node:stream'
import { type Bytes, type Clock, type Count, systemClock } from '@parlance/core'
import { errorCodes } from '@parlance/openim-protocol'
import { type StoredObject, storedObjects } from '../../entities/stored-object.ts'
import { type Upload, uploads } from '../../entities/upload.ts'
import type { Caller } from '../caller.ts'
import { ImError } from '../im-error.ts'
import { badArgument, noPermission } from '../refusals.ts'
import type { ImRepositories } from '../repositories.ts'
import { defaultObjectLimits, type ObjectLimits } from './object-limits.ts'
import type { ObjectStorage, StoredPart } from './object-storage.ts'
import type { SignedPaths } from './signed-paths.ts'

/** What a client says of a file that it is about to upload. */
export type UploadDraft = Pick<Upload, 'name' | 'size' | 'contentType' | 'cause'>

type NewNames = Partial<Pick<Upload, 'name' | 'contentType' | 'cause'>>

/** A part that a client may send. */
export interface PartGrant {
  readonly partNumber: number
  /** Where to, with the signature. */
  readonly path: string
}

/** What {@link Uploads} needs. */
export interface UploadsOptions {
  readonly repositories: Pick<ImRepositories, 'storedObjects' | 'uploads' | 'together'>
  readonly storage: ObjectStorage
  readonly paths: SignedPaths
  readonly limits?: Partial<ObjectLimits>
  readonly clock?: Clock
}

const idBytes = 16

/** Takes files in: in parts with signed paths, or as one form. */
export class Uploads {
  readonly limits: ObjectLimits
  readonly #objects: ImRepositories['storedObjects']
  readonly #uploads: ImRepositories['uploads']
  readonly #together: ImRepositories['together']
  readonly #storage: ObjectStorage
  readonly #paths: SignedPaths
  readonly #clock: Clock
  readonly #completing = new Map<string, Promise<unknown>>()

  constructor({ repositories, storage, paths, limits, clock = systemClock }: UploadsOptions) {
    this.limits = { ...defaultObjectLimits, ...limits }
    this.#objects = repositories.storedObjects
    this.#uploads = repositories.uploads
    this.#together = repositories.together
    this.#storage = storage
    this.#paths = paths
    this.#clock = clock
  }

  /** Most parts that an upload can have. */
  get maxPartCount(): Count {
    return Math.ceil(this.limits.fileBytes / this.limits.partBytes)
  }

  /** The size of every part but the last. @throws {@link ImError} 1802 for a file that is too large. */
  partSize(size: Bytes): Bytes {
    if (size > this.limits.fileBytes) throw tooLarge(this.limits.fileBytes)
    return this.limits.partBytes
  }

  /**
   * Begins an upload, or makes an object at once of content that its owner has uploaded before.
   *
   * Only of the owner's own: otherwise whoever knows the hash of a file could read it, or learn that somebody has it.
   *
   * @throws {@link ImError} 1001 for a part size that is not {@link partSize}, 1802 for a file that is too large, 1803 when the
   * owner has too many uploads or announced too many bytes, 1801 when the storage has no room.
   */
  async initiate(
    caller: Caller,
    draft: UploadDraft,
    hash: string,
    partSize: Bytes,
  ): Promise<{ readonly object: Readonly<StoredObject> } | { readonly upload: Readonly<Upload> }> {
    if (partSize !== this.partSize(draft.size))
      throw badArgument(`partSize: must be ${this.limits.partBytes}, as /object/part_size says`)
    const userID = ownerOf(caller, draft.name)
    const [known] = (await this.#objects.ofHash.page({ userID, hash }, { limit: 1 })).rows
    if (known?.size === draft.size) {
      const { contentID } = known
      const object = { ...draft, objectID: newID(), userID, hash, contentID, createTime: new Date(this.#clock.now()) }
      return { object: await this.#objects.insert(object) }
    }
    return { upload: await this.#begin(userID, { ...draft, hash, partSize }, this.limits.uploadMs) }
  }

  /** Begins an upload that comes as one form. @throws {@link ImError} like {@link initiate}. */
  async initiateForm(caller: Caller, draft: UploadDraft): Promise<Readonly<Upload>> {
    if (draft.size > this.limits.formBytes) throw tooLarge(this.limits.formBytes)
    const row = { ...draft, hash: '', partSize: draft.size }
    return this.#begin(ownerOf(caller, draft.name), row, this.limits.formMs)
  }

  /** Paths for parts of an upload. @throws {@link ImError} 1001 naming a part that the upload has not. */
  grants(upload: Readonly<Upload>, partNumbers: readonly number[]): PartGrant[] {
    const partCount = partCountOf(upload)
    return partNumbers.map((partNumber) => {
      if (partNumber < 1 || partNumber > partCount)
        throw badArgument(`partNumbers: the upload has parts 1 to ${partCount}, not ${partNumber}`)
      const byteCount = Math.min(upload.partSize, upload.size - (partNumber - 1) * upload.partSize)
      const path = `/object-part/${upload.uploadID}/${partNumber}`
      return { partNumber, path: this.#paths.sign(path, { byteCount, expires: upload.expireTime.getTime() }) }
    })
  }

  /** The first parts of an upload; all for a count below 1. */
  firstGrants(upload: Readonly<Upload>, maxCount: Count): PartGrant[] {
    const partCount = partCountOf(upload)
    const count = maxCount < 1 ? partCount : Math.min(maxCount, partCount)
    return this.grants(
      upload,
      Array.from({ length: count }, (_, index) => index + 1),
    )
  }

  /** Where the form of an upload goes. */
  formPath({ uploadID, size, expireTime }: Readonly<Upload>): string {
    return this.#paths.sign(`/object-form/${uploadID}`, { byteCount: size, expires: expireTime.getTime() })
  }

  /**
   * An upload that the caller may go on with.
   *
   * @throws {@link ImError} 1002 for somebody else's, 1701 when it has expired, was completed or never was.
   */
  async own(caller: Caller, uploadID: string): Promise<Readonly<Upload>> {
    const upload = await this.#uploads.get({ uploadID })
    if (upload !== undefined) requireOwner(caller, upload)
    return this.#live(upload)
  }

  /**
   * Lets the owner of an upload through, also after it was completed, and everybody when there is none.
   *
   * @throws {@link ImError} 1002 for somebody else's.
   */
  async requireOwn(caller: Caller, uploadID: string): Promise<void> {
    const of = (await this.#uploads.get({ uploadID })) ?? (await this.#objects.get({ objectID: uploadID }))
    if (of !== undefined) requireOwner(caller, of)
  }

  /** Receives a part whose path was checked. @throws {@link ImError} 1701, and what the storage refuses. */
  async receive(uploadID: string, partNumber: number, byteCount: Bytes, bytes: Readable): Promise<StoredPart> {
    this.#live(await this.#uploads.get({ uploadID }))
    return this.#storage.putPart(uploadID, partNumber, byteCount, bytes)
  }

  /**
   * Makes an object of an upload whose parts are all there. Again for the same upload gives the same object.
   *
   * @param md5s - of each part, in order; left out for a form.
   * @throws {@link ImError} 1001 for parts that are not those announced or not received, 1002 for somebody else's, 1701 as {@link own}.
   */
  async complete(
    caller: Caller,
    uploadID: string,
    md5s?: readonly string[],
    named: NewNames = {},
  ): Promise<Readonly<StoredObject>> {
    try {
      return await this.#afterOthers(uploadID, async () =>
        this.#complete(caller, await this.own(caller, uploadID), md5s, named),
      )
    } catch (error) {
      // Repeated after its answer was lost, or done by another request at the same moment.
      const object = await this.#objects.get({ objectID: uploadID })
      if (object === undefined) throw error
      requireOwner(caller, object)
      return object
    }
  }

  /** Forgets uploads that have expired, and those whose beginning or end a crash cut short. @returns how many. */
  async sweep(): Promise<Count> {
    const uploadIDs = await this.#storage.uploads()
    const rows = await this.#uploads.getMany(uploadIDs.map((uploadID) => ({ uploadID })))
    const orphans = new Set<string>()
    const dead = uploadIDs.filter((uploadID, index) => {
      const row = rows[index]
      if (row !== undefined) return this.#isExpired(row)
      orphans.add(uploadID)
      return this.#orphans.has(uploadID)
    })
    this.#orphans = orphans
    for (const uploadID of dead) await this.#forget(uploadID)
    return dead.length
  }

  /** Without a row at the last sweep; one that is just being begun gets its row before the next. */
  #orphans: ReadonlySet<string> = new Set()

  async #begin(
    userID: string,
    draft: Omit<Upload, 'uploadID' | 'userID' | 'createTime' | 'expireTime'>,
    lifeMs: number,
  ): Promise<Readonly<Upload>> {
    const now = this.#clock.now()
    const waiting = await this.#waiting(userID)
    this.#requireRoom([...waiting, draft])
    const row = { ...draft, uploadID: newID(), userID, createTime: new Date(now), expireTime: new Date(now + lifeMs) }
    await this.#storage.begin(row.uploadID, row.size)
    const upload = await this.#uploads.insert(row)
    // Counted again with what others began at the same moment: each of those sees the others, so that never too many stay.
    try {
      this.#requireRoom(await this.#waiting(userID))
    } catch (error) {
      await this.#forget(row.uploadID)
      throw error
    }
    return upload
  }

  async #waiting(userID: string): Promise<readonly Readonly<Upload>[]> {
    const all = await this.#uploads.ofUser({ userID })
    for (const upload of all) if (this.#isExpired(upload)) await this.#forget(upload.uploadID)
    return all.filter((upload) => !this.#isExpired(upload))
  }

  async #complete(
    caller: Caller,
    upload: Readonly<Upload>,
    md5s: readonly string[] | undefined,
    named: NewNames,
  ): Promise<Readonly<StoredObject>> {
    const { uploadID } = upload
    if (named.name !== undefined && ownerOf(caller, named.name) !== upload.userID)
      throw badArgument('name: must begin with the same user id as when the upload was begun')
    const received = await this.#storage.parts(uploadID)
    const parts = md5s ?? received.map(({ md5 }) => md5)
    const hash = hashOf(parts)
    if (upload.hash !== '' && hash !== upload.hash)
      throw badArgument('parts: these are not the parts whose hash was announced; begin a new upload')
    // Before they are put together: content without an object would stay for ever.
    const byteCount = byteCountOf(parts, received)
    if (byteCount !== undefined && byteCount !== upload.size)
      throw badArgument(`parts: they have ${byteCount} bytes, not ${upload.size} as announced; send them all`)
    const { contentID } = await this.#storage.join(uploadID, parts)
    const { userID, name, size, contentType, cause } = { ...upload, ...named }
    const createTime = new Date(this.#clock.now())
    const object = { objectID: uploadID, userID, name, hash, contentID, size, contentType, cause, createTime }
    await this.#together((together) => {
      together.insert(storedObjects, object)
      together.delete(uploads, { uploadID })
    })
    await this.#storage.discard(uploadID)
    return object
  }

  /** Each time an upload is put together the storage writes a copy of all of it: never two at the same time. */
  async #afterOthers<T>(uploadID: string, work: () => Promise<T>): Promise<T> {
    const done = (this.#completing.get(uploadID) ?? Promise.resolve()).then(work, work)
    this.#completing.set(uploadID, done)
    try {
      return await done
    } finally {
      if (this.#completing.get(uploadID) === done) this.#completing.delete(uploadID)
    }
  }

  async #forget(uploadID: string): Promise<void> {
    await this.#uploads.delete({ uploadID })
    await this.#storage.discard(uploadID)
  }

  #isExpired({ expireTime }: Readonly<Upload>): boolean {
    return expireTime.getTime() <= this.#clock.now()
  }

  #live(upload: Readonly<Upload> | undefined): Readonly<Upload> {
    if (upload === undefined || this.#isExpired(upload))
      throw new ImError(
        errorCodes.FileUploadedExpiredError,
        'there is no such upload, or it has expired; begin a new one',
      )
    return upload
  }

  #requireRoom(waiting: readonly Pick<Upload, 'size'>[]): void {
    const { uploadsPerUser, uploadBytesPerUser } = this.limits
    if (waiting.length > uploadsPerUser)
      throw tooMany(`${uploadsPerUser} uploads wait to be completed; complete them first`)
    if (waiting.reduce((sum, { size }) => sum + size, 0) > uploadBytesPerUser)
      throw tooMany(`uploads that wait may announce ${uploadBytesPerUser} bytes together; complete them first`)
  }
}

const newID = (): string => randomBytes(idBytes).toString('base64url')

const partCountOf = ({ size, partSize }: Readonly<Upload>): Count => (size === 0 ? 0 : Math.ceil(size / partSize))

/** OpenIM's hash of a file: MD5 of the MD5s of its parts, joined by commas. */
const hashOf = (md5s: readonly string[]): string => createHash('md5').update(md5s.join(',')).digest('hex')

/** Of parts with these MD5s, in order; undefined when one of them was not received. */
function byteCountOf(md5s: readonly string[], received: readonly StoredPart[]): Bytes | undefined {
  const sizes = new Map(received.map(({ partNumber, md5, byteCount }) => [`${partNumber}.${md5}`, byteCount]))
  const found = md5s.map((md5, at) => sizes.get(`${at + 1}.${md5}`))
  return found.includes(undefined) ? undefined : found.reduce<number>((sum, byteCount) => sum + byteCount!, 0)
}

/** Whose file it is: the name begins with the user's id and `/`. An administrator uploads for anybody. */
function ownerOf({ userID, isAdmin }: Caller, name: string): string {
  if (name.startsWith(`${userID}/`)) return userID
  if (!isAdmin) throw noPermission(`name: must begin with ${userID}/`)
  return name.slice(0, name.indexOf('/'))
}

function requireOwner({ userID, isAdmin }: Caller, of: { readonly userID: string }): void {
  if (!isAdmin && of.userID !== userID) throw noPermission('the upload is somebody else’s')
}

const tooMany = (words: string): ImError => new ImError(errorCodes.TooManyError, words)

const tooLarge = (maxBytes: Bytes): ImError =>
  new ImError(errorCodes.TooLargeError, `size: a file has at most ${maxBytes} bytes; send a smaller one`)
