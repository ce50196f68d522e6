import { createHash, randomBytes } from 'node:crypto'
import { createReadStream, createWriteStream, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type Bytes, InvalidArgumentError } from '@parlance/core'
import {
  type ByteRange,
  maxPartNumber,
  type ObjectStorage,
  PartMismatchError,
  StorageFullError,
  type StoredContent,
  type StoredPart,
  UnknownContentError,
  UnknownUploadError,
} from '../domain/objects/object-storage.ts'

/** How {@link openLocalFolder} works. */
export interface LocalFolderOptions {
  /** The folder; made when it is missing. Only one process may use it at a time. */
  readonly path: string
  /** Bytes that all uploads together may announce until they are complete or discarded. */
  readonly waitingBytes: Bytes
}

interface Upload {
  readonly folder: string
  readonly byteCount: Bytes
}

const chunkBytes = 256 * 1024
const draftEnd = '.draft'

/**
 * Keeps objects in a folder: `content/<first two digits>/<sha256>`, and `uploads/<id>.<bytes>/<part>.<md5>` while they come in.
 *
 * Everything is written under another name, flushed, and renamed, so that a file with its own name is whole.
 */
export function openLocalFolder({ path, waitingBytes }: LocalFolderOptions): ObjectStorage {
  return new LocalFolder(path, waitingBytes)
}

class LocalFolder implements ObjectStorage {
  readonly #uploadsPath: string
  readonly #contentPath: string
  readonly #maxWaitingBytes: Bytes
  readonly #uploads = new Map<string, Upload>()
  readonly #writers = new Map<string, AbortController>()
  #waitingBytes: Bytes = 0

  constructor(path: string, waitingBytes: Bytes) {
    this.#uploadsPath = join(path, 'uploads')
    this.#contentPath = join(path, 'content')
    this.#maxWaitingBytes = waitingBytes
    for (const folder of [this.#uploadsPath, this.#contentPath]) mkdirSync(folder, { recursive: true, mode: 0o700 })
    for (const name of readdirSync(this.#uploadsPath)) {
      const [, uploadID, byteCount] = /^([\w-]{16,64})\.(\d+)$/.exec(name) ?? []
      // What file managers and administrators leave in a folder is none of ours.
      if (uploadID === undefined || byteCount === undefined) continue
      const folder = join(this.#uploadsPath, name)
      this.#keep(uploadID, { folder, byteCount: Number(byteCount) })
      // What a crash left half written.
      for (const file of readdirSync(folder)) if (file.endsWith(draftEnd)) rmSync(join(folder, file))
    }
  }

  async begin(uploadID: string, byteCount: Bytes): Promise<void> {
    checkUploadID(uploadID)
    if (this.#uploads.has(uploadID)) return
    if (this.#waitingBytes + byteCount > this.#maxWaitingBytes)
      throw new StorageFullError(`${this.#waitingBytes} bytes wait for their uploads to be completed; try again later`)
    const folder = join(this.#uploadsPath, `${uploadID}.${byteCount}`)
    this.#keep(uploadID, { folder, byteCount })
    try {
      await mkdir(folder, { mode: 0o700 })
      await flushFolder(this.#uploadsPath)
    } catch (error) {
      this.#forget(uploadID)
      throw error
    }
  }

  async putPart(uploadID: string, partNumber: number, byteCount: Bytes, bytes: Readable): Promise<StoredPart> {
    if (!Number.isInteger(partNumber) || partNumber < 1 || partNumber > maxPartNumber)
      throw new InvalidArgumentError(`a part's number is a whole number from 1 to ${maxPartNumber}`)
    const { folder } = this.#find(uploadID)
    const writer = new AbortController()
    const slot = `${uploadID} ${partNumber}`
    this.#writers.get(slot)?.abort(new PartMismatchError(`part ${partNumber} is being received anew`))
    this.#writers.set(slot, writer)
    const draft = draftIn(folder)
    try {
      const md5 = createHash('md5')
      await intoDraft(draft, (file) =>
        pipeline(bytes, (source: AsyncIterable<Uint8Array>) => metered(source, partNumber, byteCount, md5), file, {
          signal: writer.signal,
        }),
      )
      writer.signal.throwIfAborted()
      const part = { partNumber, byteCount, md5: md5.digest('hex') }
      // The new part first: a crash in between leaves both, and whoever joins says which one by its MD5.
      await rename(draft, partPath(folder, part))
      for (const { name, ...other } of await partsIn(folder))
        if (other.partNumber === partNumber && other.md5 !== part.md5) await rm(join(folder, name), { force: true })
      await flushFolder(folder)
      return part
    } catch (error) {
      await rm(draft, { force: true })
      if (writer.signal.aborted) throw writer.signal.reason
      throw this.#explained(uploadID, error)
    } finally {
      if (this.#writers.get(slot) === writer) this.#writers.delete(slot)
    }
  }

  async parts(uploadID: string): Promise<readonly StoredPart[]> {
    const { folder } = this.#find(uploadID)
    try {
      return await Promise.all(
        (await partsIn(folder)).map(async ({ name, partNumber, md5 }) => ({
          partNumber,
          byteCount: (await stat(join(folder, name))).size,
          md5,
        })),
      )
    } catch (error) {
      throw this.#explained(uploadID, error)
    }
  }

  async join(uploadID: string, md5s: readonly string[]): Promise<StoredContent> {
    const { folder } = this.#find(uploadID)
    const draft = draftIn(folder)
    try {
      const content = await joined(folder, md5s, draft)
      const path = this.#pathOf(content.contentID)
      await mkdir(dirname(path), { recursive: true, mode: 0o700 })
      await rename(draft, path)
      await flushFolder(dirname(path))
      await flushFolder(this.#contentPath)
      return content
    } catch (error) {
      await rm(draft, { force: true })
      throw this.#explained(uploadID, error)
    }
  }

  async discard(uploadID: string): Promise<void> {
    checkUploadID(uploadID)
    const upload = this.#uploads.get(uploadID)
    if (upload === undefined) return
    this.#forget(uploadID)
    await rm(upload.folder, { recursive: true, force: true })
  }

  async uploads(): Promise<readonly string[]> {
    return [...this.#uploads.keys()]
  }

  async read(contentID: string, range?: ByteRange): Promise<Readable> {
    const path = this.#pathOf(contentID)
    try {
      const file = await open(path, 'r')
      return file.createReadStream({ ...range, highWaterMark: chunkBytes })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      throw new UnknownContentError(`there is no content ${contentID}`, { cause: error })
    }
  }

  #keep(uploadID: string, upload: Upload): void {
    this.#uploads.set(uploadID, upload)
    this.#waitingBytes += upload.byteCount
  }

  #forget(uploadID: string): void {
    this.#waitingBytes -= this.#uploads.get(uploadID)?.byteCount ?? 0
    this.#uploads.delete(uploadID)
  }

  /** Files that are gone because the upload was discarded meanwhile are no failure of the disk. */
  #explained(uploadID: string, error: unknown): unknown {
    return this.#uploads.has(uploadID) ? error : unknownUpload(uploadID)
  }

  #find(uploadID: string): Upload {
    checkUploadID(uploadID)
    const upload = this.#uploads.get(uploadID)
    if (upload === undefined) throw unknownUpload(uploadID)
    return upload
  }

  #pathOf(contentID: string): string {
    if (!/^[0-9a-f]{64}$/.test(contentID)) throw new InvalidArgumentError('a content id is a SHA-256 in hex')
    return join(this.#contentPath, contentID.slice(0, 2), contentID)
  }
}

function checkUploadID(uploadID: string): void {
  if (!/^[\w-]{16,64}$/.test(uploadID))
    throw new InvalidArgumentError('an upload id has 16 to 64 characters of A-Z a-z 0-9 - _')
}

const unknownUpload = (uploadID: string): UnknownUploadError =>
  new UnknownUploadError(`there is no upload ${uploadID}; begin a new one`)

const draftIn = (folder: string): string => join(folder, randomBytes(12).toString('hex') + draftEnd)

const partPath = (folder: string, { partNumber, md5 }: StoredPart): string => join(folder, `${partNumber}.${md5}`)

async function partsIn(
  folder: string,
): Promise<{ readonly name: string; readonly partNumber: number; readonly md5: string }[]> {
  const names = await readdir(folder)
  return names
    .flatMap((name) => {
      const [, partNumber, md5] = /^(\d+)\.([0-9a-f]{32})$/.exec(name) ?? []
      return partNumber === undefined || md5 === undefined ? [] : [{ name, partNumber: Number(partNumber), md5 }]
    })
    .toSorted((a, b) => a.partNumber - b.partNumber)
}

/** Writes the parts to `draft`, one behind the other. */
async function joined(folder: string, md5s: readonly string[], draft: string): Promise<StoredContent> {
  const held = new Set((await partsIn(folder)).map(({ name }) => name))
  const names = md5s.map((md5, index) => `${index + 1}.${md5}`)
  const missing = names.findIndex((name) => !held.has(name))
  if (missing >= 0)
    throw new PartMismatchError(`part ${missing + 1} is not there with this MD5; send it, then complete the upload`, {
      details: { partNumber: missing + 1 },
    })
  const sha256 = createHash('sha256')
  let byteCount = 0
  await intoDraft(draft, (file) =>
    pipeline(async function* () {
      for (const name of names)
        for await (const chunk of createReadStream(join(folder, name), { highWaterMark: chunkBytes })) {
          const bytes = chunk as Buffer
          sha256.update(bytes)
          byteCount += bytes.length
          yield bytes
        }
    }, file),
  )
  return { contentID: sha256.digest('hex'), byteCount }
}

/** Writes a draft. It is closed when this settles: opening goes on beside what fails, and would make a file that was removed anew. */
async function intoDraft(draft: string, write: (file: Writable) => Promise<void>): Promise<void> {
  const file = createWriteStream(draft, { flags: 'wx', mode: 0o600, flush: true })
  const closed = new Promise<void>((resolve) => void file.once('close', resolve))
  try {
    await write(file)
  } catch (error) {
    file.destroy()
    await closed
    throw error
  }
}

async function* metered(
  source: AsyncIterable<Uint8Array>,
  partNumber: number,
  byteCount: Bytes,
  md5: ReturnType<typeof createHash>,
): AsyncGenerator<Uint8Array> {
  let received = 0
  for await (const chunk of source) {
    received += chunk.length
    if (received > byteCount)
      throw new PartMismatchError(`part ${partNumber} has more than the ${byteCount} bytes that were announced`)
    md5.update(chunk)
    yield chunk
  }
  if (received < byteCount)
    throw new PartMismatchError(`part ${partNumber} ended after ${received} of ${byteCount} bytes; send it again`)
}

async function flushFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
