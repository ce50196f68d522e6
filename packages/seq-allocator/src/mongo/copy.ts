import type { Bytes, Count } from '@parlance/core'
import { type CopyPart, insertMissing, type Mongo } from '@parlance/engines/mongo'
import type { SqliteEngine } from '@parlance/engines/sqlite'
import { decodeEntries } from '../embedded/batch-codec.ts'
import type { NewEntry } from '../journal.ts'
import { Collections, journal, tags as tagNumbers } from './collections.ts'
import {
  blockCount,
  entryBytes,
  type EntryDocument,
  hashOf,
  numberID,
  storedBytes,
  type TailDocument,
} from './documents.ts'
import { Reader } from './reader.ts'
import { needsSealing, type Sealing, sealingOf } from './sealing.ts'

/** The newest number of a tag of a stream. */
export interface StreamTag {
  readonly tag: string
  readonly seq: number
}

/** What copies the journal of an engine. */
export interface CopyJournalOptions {
  /** With its journal opened before, so that its tables are as this version knows them. */
  readonly engine: SqliteEngine
  readonly mongo: Mongo
  /** Streams that are left out. */
  readonly excludes: (stream: string) => boolean
  /** What goes with a stream besides its entries. */
  readonly tagsOf: (stream: string) => readonly StreamTag[]
}

type StreamRow = { id: number; name: string; floor: number; head: number }
type BatchRow = { first: number; entries: Buffer }

const streamsPerPage: Count = 200
const batchesPerRead: Count = 64
const maxTailBytes: Bytes = 4 * 1024 * 1024
const nothing: EntryDocument = { p: new Uint8Array(0) }

/** Copies streams from the embedded driver's tables: numbers, floors, repeat keys and tags stay what they are. */
export function journalCopy({ engine, mongo, excludes, tagsOf }: CopyJournalOptions): CopyPart {
  const collections = new Collections(mongo)
  const reader = new Reader(collections)
  const select = `
    SELECT id, name, floor, coalesce(
      (SELECT first + count - 1 FROM journal_batches WHERE stream = id ORDER BY first DESC LIMIT 1), floor) AS head
    FROM journal_streams`
  const page = engine.prepare<StreamRow>(`${select} WHERE id > ? ORDER BY id LIMIT ${streamsPerPage}`)
  const all = engine.prepare<StreamRow>(select)
  const batches = engine.prepare<BatchRow>(`
    SELECT b.first, l.entries FROM journal_batches b JOIN journal_log l ON l.id = b.log
    WHERE b.stream = ?1 AND b.first > ?2 AND b.first + b.count - 1 > ?3 ORDER BY b.first LIMIT ${batchesPerRead}`)
  const isCopied = ({ name, head }: StreamRow): boolean => head > 0 && !excludes(name)

  return {
    name: 'streams',
    count: () => all.all().filter(isCopied).length,
    countInTarget: () => mongo.on<TailDocument, Count>(journal, (on) => on.countDocuments({ head: { $exists: true } })),
    prepare: () => collections.prepare(),
    async copy(after) {
      const rows = page.all(Number(after ?? 0))
      const wanted = rows.filter(isCopied)
      const heads = await reader.heads(wanted.map(({ name }) => name))
      const left = wanted.filter((_, index) => heads[index]!.head === 0)
      for (const row of left) await copyStream(row)
      return { copied: left.length, next: nextOf(rows) }
    },
    async compare(after) {
      const rows = page.all(Number(after ?? 0))
      const wanted = rows.filter(isCopied)
      const heads = await reader.heads(wanted.map(({ name }) => name))
      const differences: string[] = []
      for (const [index, row] of wanted.entries()) {
        const { head, floor } = heads[index]!
        if (head !== row.head || floor !== row.floor)
          differences.push(`${row.name} reaches from ${floor} to ${head}, not from ${row.floor} to ${row.head}`)
        else differences.push(...(await compareStream(row)))
      }
      return { compared: wanted.length, differences, next: nextOf(rows) }
    },
  }

  function* entriesOf({ id, floor }: StreamRow): Generator<{ readonly seq: number; readonly entry: NewEntry }> {
    for (let last = -1; ;) {
      const rows = batches.all(id, last, floor)
      for (const { first, entries } of rows)
        for (const [index, entry] of decodeEntries(entries).entries())
          if (first + index > floor) yield { seq: first + index, entry }
      if (rows.length < batchesPerRead) return
      last = rows.at(-1)!.first
    }
  }

  // The document of the stream's end comes last: a stream that has one is done.
  async function copyStream(row: StreamRow): Promise<void> {
    const first = Math.floor(row.floor / blockCount) * blockCount + 1
    // What was given up in a block that is still needed is not kept, but its place is.
    const padding = Array.from({ length: row.floor - first + 1 }, () => nothing)
    let kept: EntryDocument[] = padding
    let tail = { first, head: row.floor, bytes: 0, parts: [] as readonly number[] }
    let sealings: Sealing[] = []
    let sealedBytes: Bytes = 0
    const document = (): TailDocument => ({ _id: row.name, floor: row.floor, epoch: 0, ...tail, tail: kept })
    const flush = async (): Promise<void> => {
      await collections.seal(sealings)
      sealings = []
      sealedBytes = 0
    }
    for (const { entry } of entriesOf(row)) {
      if (needsSealing(tail, entryBytes(entry), maxTailBytes)) {
        const sealing = sealingOf(document(), entryBytes(entry), maxTailBytes)
        sealings.push(sealing)
        sealedBytes += tail.bytes
        kept = kept.slice(sealing.first - tail.first)
        tail = { first: sealing.first, head: tail.head, bytes: sealing.bytes, parts: sealing.parts }
        if (sealedBytes > maxTailBytes) await flush()
      }
      const { payload, repeatKey } = entry
      const stored = repeatKey === undefined ? { p: payload } : { p: payload, k: repeatKey }
      kept.push(stored)
      tail.head++
      tail.bytes += storedBytes(stored)
    }
    await flush()
    const marks = tagsOf(row.name).map(({ tag, seq }) => ({ hash: hashOf(tag), seq }))
    const older = marks.filter(({ seq }) => seq < tail.first)
    await insertMissing(
      mongo,
      tagNumbers,
      older.map(({ hash, seq }) => ({ _id: numberID(row.name, hash), q: seq })),
    )
    const newer = marks.filter(({ seq }) => seq >= tail.first).map(({ hash, seq }) => [hash, seq] as const)
    await insertMissing(mongo, journal, [
      { ...document(), ...(newer.length === 0 ? {} : { tags: Object.fromEntries(newer) }) },
    ])
  }

  async function compareStream(row: StreamRow): Promise<string[]> {
    let part: { seq: number; entry: NewEntry }[] = []
    const compare = async (): Promise<string[]> => {
      if (part.length === 0) return []
      const found = await reader.read(row.name, part[0]!.seq, part.at(-1)!.seq, part.length)
      const bySeq = new Map(found.map(({ seq, payload }) => [seq, payload]))
      const wrong = part.filter(({ seq, entry }) => {
        const payload = bySeq.get(seq)
        return payload === undefined || Buffer.compare(payload, entry.payload) !== 0
      })
      part = []
      return wrong.map(({ seq }) => `${row.name} at ${seq}`)
    }
    const differences: string[] = []
    for (const one of entriesOf(row)) if (part.push(one) === blockCount) differences.push(...(await compare()))
    differences.push(...(await compare()))
    const marks = tagsOf(row.name)
    const newest = await reader.newest(marks.map(({ tag }) => ({ stream: row.name, tag })))
    if (newest.some((seq, index) => seq !== marks[index]!.seq)) differences.push(`the marks of ${row.name}`)
    return differences
  }
}

const nextOf = (rows: readonly StreamRow[]): string | undefined =>
  rows.length < streamsPerPage ? undefined : String(rows.at(-1)!.id)
