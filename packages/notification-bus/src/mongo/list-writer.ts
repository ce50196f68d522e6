import { createHash, randomBytes } from 'node:crypto'
import { type Bytes, ClosedError, type Count, OverloadedError } from '@parlance/core'
import { type Mongo, MongoDuplicateError } from '@parlance/engines/mongo'
import type { AnyBulkWriteOperation } from 'mongodb'
import { type Change, rememberedOperations } from '../change-list.ts'
import { collections, type HeadDocument } from './documents.ts'

const maxBatchChanges: Count = 1000
const maxBatchBytes: Bytes = 64 * 1024
/** With the bounds above, a tail never comes near the 16 MiB of a document. */
const maxTailBatches: Count = 128
const maxListsPerWrite: Count = 500
const maxBytesPerWrite: Bytes = 4 * 1024 * 1024
const maxWrites: Count = 8
const maxTries: Count = 20

/** Changes that one call appends to one list in one step. */
interface Piece {
  readonly list: string
  readonly changes: readonly string[]
  readonly bytes: Bytes
  readonly operation: string | undefined
  readonly settle: (error?: Error) => void
  tries: number
}

interface ListWrite {
  readonly list: string
  readonly pieces: readonly Piece[]
}

/** What a {@link ListWriter} needs. */
export interface ListWriterOptions {
  readonly mongo: Mongo
  readonly maxWaiting: Count
  /** Empties a list's tail. */
  readonly fold: (list: string) => Promise<void>
  /** Told of changes that are durable. */
  readonly onAppended: (list: string, changes: Count) => void
}

/**
 * Appends to heads: whatever comes while writes are under way is gathered, all lists in one bulk write, and one update per
 * list in it. A list is in one write at a time, so its changes keep their order.
 */
export class ListWriter {
  readonly #options: ListWriterOptions
  readonly #queues = new Map<string, Piece[]>()
  /** Lists with a queue that are in no write. */
  readonly #ready = new Set<string>()
  readonly #writes = new Set<Promise<void>>()
  #waiting = 0
  #scheduled = false
  #closed = false

  constructor(options: ListWriterOptions) {
    this.#options = options
  }

  async append(changes: readonly Change[], operation: string | undefined): Promise<void> {
    const { maxWaiting } = this.#options
    if (this.#closed) throw new ClosedError('the change lists were closed')
    if (this.#waiting > 0 && this.#waiting + changes.length > maxWaiting)
      throw new OverloadedError(`${this.#waiting} changes wait to be appended; try again later`)
    await Promise.all(piecesOf(changes, operation).map((piece) => this.#enqueue(piece)))
  }

  async close(): Promise<void> {
    this.#closed = true
    while (this.#waiting > 0) {
      this.#pump()
      await Promise.race(this.#writes)
    }
  }

  #enqueue(piece: Omit<Piece, 'settle' | 'tries'>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting += piece.changes.length
      const settle = (error?: Error): void => {
        this.#waiting -= piece.changes.length
        if (error === undefined) resolve()
        else reject(error)
      }
      const queue = this.#queues.get(piece.list)
      if (queue !== undefined) return void queue.push({ ...piece, settle, tries: 0 })
      this.#queues.set(piece.list, [{ ...piece, settle, tries: 0 }])
      this.#ready.add(piece.list)
      this.#schedule()
    })
  }

  // Not at once: whatever the process appends in the same turn goes into the same write.
  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      this.#pump()
    })
  }

  #pump(): void {
    while (this.#ready.size > 0 && this.#writes.size < maxWrites) {
      const work = this.#take()
      const write = this.#write(work).finally(() => {
        this.#writes.delete(write)
        for (const { list } of work) this.#release(list)
        this.#pump()
      })
      this.#writes.add(write)
    }
  }

  #release(list: string): void {
    if (this.#queues.get(list)!.length > 0) this.#ready.add(list)
    else this.#queues.delete(list)
  }

  #take(): ListWrite[] {
    const work: ListWrite[] = []
    let bytes = 0
    for (const list of this.#ready) {
      if (work.length >= maxListsPerWrite || bytes >= maxBytesPerWrite) break
      this.#ready.delete(list)
      const pieces = takeBatch(this.#queues.get(list)!)
      bytes += pieces.reduce((sum, piece) => sum + piece.bytes, 0)
      work.push({ list, pieces })
    }
    return work
  }

  /** Never rejects: what fails is told to the pieces. */
  async #write(work: readonly ListWrite[]): Promise<void> {
    try {
      const refused = new Set(await this.#send(work))
      const again: ListWrite[] = []
      work.forEach((one, index) => {
        if (refused.has(index)) again.push(one)
        else this.#done(one.pieces)
      })
      if (again.length > 0) await this.#resolve(again)
    } catch (error) {
      for (const { pieces } of work) for (const piece of pieces) piece.settle(error as Error)
    }
  }

  #done(pieces: readonly Piece[]): void {
    for (const { list, changes, settle } of pieces) {
      settle()
      this.#options.onAppended(list, changes.length)
    }
  }

  // An upsert whose filter does not match an existing head is refused as a duplicate: that tells which lists took nothing.
  async #send(work: readonly ListWrite[]): Promise<readonly number[]> {
    const updates = work.map(toUpdate)
    try {
      await this.#options.mongo.on<HeadDocument, unknown>(collections.heads, (on) =>
        on.bulkWrite(updates, { ordered: false }),
      )
      return []
    } catch (error) {
      if (error instanceof MongoDuplicateError) return error.positions
      throw error
    }
  }

  /** Lists that took nothing know an operation already, have a full tail, or were made by somebody else just then. */
  async #resolve(refused: readonly ListWrite[]): Promise<void> {
    const heads = await this.#options.mongo.on<HeadDocument, HeadDocument[]>(collections.heads, (on) =>
      on
        .find({ _id: { $in: refused.map(({ list }) => list) } })
        .project<HeadDocument>({ ops: 1, 'tail.b': 1 })
        .toArray(),
    )
    const known = new Map(heads.map((head) => [head._id, head]))
    await Promise.all(
      refused.map(async ({ list, pieces }) => {
        const { ops = [], tail = [] } = known.get(list) ?? {}
        const operations = new Set(ops)
        const left = pieces.filter(({ operation, settle }) => {
          const isTaken = operation !== undefined && operations.has(operation)
          if (isTaken) settle()
          return !isTaken
        })
        await this.#again(list, left, tail.length >= maxTailBatches)
      }),
    )
  }

  async #again(list: string, pieces: readonly Piece[], tailIsFull: boolean): Promise<void> {
    const repeated = pieces.filter((piece) => {
      piece.tries++
      if (piece.tries < maxTries) return true
      piece.settle(new OverloadedError('a change list is appended to faster than it can be kept; try again later'))
      return false
    })
    try {
      if (tailIsFull && repeated.length > 0) await this.#options.fold(list)
      this.#queues.get(list)!.unshift(...repeated)
    } catch (error) {
      for (const { settle } of repeated) settle(error as Error)
    }
  }
}

/** Takes what fits into one batch, and no operation twice: the second one is to find that the first was taken. */
function takeBatch(queue: Piece[]): Piece[] {
  const taken: Piece[] = []
  const operations = new Set<string>()
  let changes = 0
  let bytes = 0
  for (const piece of queue) {
    const fits = changes + piece.changes.length <= maxBatchChanges && bytes + piece.bytes <= maxBatchBytes
    if (taken.length > 0 && !fits) break
    if (piece.operation !== undefined) {
      if (operations.has(piece.operation)) break
      operations.add(piece.operation)
    }
    taken.push(piece)
    changes += piece.changes.length
    bytes += piece.bytes
  }
  queue.splice(0, taken.length)
  return taken
}

function toUpdate({ list, pieces }: ListWrite): AnyBulkWriteOperation<HeadDocument> {
  const c = pieces.flatMap(({ changes }) => changes)
  const ops = pieces.flatMap(({ operation }) => (operation === undefined ? [] : [operation]))
  const batch = { b: randomBytes(9).toString('base64url'), c }
  return {
    updateOne: {
      filter: {
        _id: list,
        [`tail.${maxTailBatches - 1}`]: { $exists: false },
        ...(ops.length === 0 ? {} : { ops: { $nin: ops } }),
      },
      update: {
        $inc: { count: c.length },
        $push: {
          tail: batch,
          ...(ops.length === 0 ? {} : { ops: { $each: ops, $slice: -rememberedOperations } }),
        },
      },
      upsert: true,
    },
  }
}

type OpenPiece = { list: string; changes: string[]; bytes: Bytes; place: number; operation: string | undefined }

/** Splits a call into pieces: the same call always into the same ones, so that each piece is remembered for itself. */
function piecesOf(changes: readonly Change[], operation: string | undefined): Omit<Piece, 'settle' | 'tries'>[] {
  const open = new Map<string, OpenPiece>()
  const pieces: OpenPiece[] = []
  for (const { list, element, kind } of changes) {
    const text = `${kind === 'put' ? '+' : '-'}${element}`
    const bytes = Buffer.byteLength(text)
    let piece = open.get(list)
    if (piece === undefined || piece.changes.length === maxBatchChanges || piece.bytes + bytes > maxBatchBytes) {
      const place = piece === undefined ? 0 : piece.place + 1
      piece = { list, changes: [], bytes: 0, place, operation: hashOf(operation, place) }
      open.set(list, piece)
      pieces.push(piece)
    }
    piece.changes.push(text)
    piece.bytes += bytes
  }
  return pieces
}

function hashOf(operation: string | undefined, place: number): string | undefined {
  if (operation === undefined) return undefined
  return createHash('sha256').update(`${place} ${operation}`).digest().subarray(0, 9).toString('base64url')
}
