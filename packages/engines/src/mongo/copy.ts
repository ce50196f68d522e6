import { type Count, ParlanceError, type Timestamp } from '@parlance/core'
import type { Document } from 'mongodb'
import type { Mongo } from './connection.ts'
import { MongoDuplicateError } from './errors.ts'

/** A page that was copied. */
export interface CopiedPage {
  readonly copied: Count
  /** Where the next page begins; undefined behind the last one. */
  readonly next: string | undefined
}

/** A page that was compared. */
export interface ComparedPage {
  readonly compared: Count
  /** In words; none when both sides hold the same. */
  readonly differences: readonly string[]
  readonly next: string | undefined
}

/**
 * One kind of data on its way into MongoDB, in pages.
 *
 * Every page may be copied again: what is there already stays. The source does not change meanwhile.
 */
export interface CopyPart {
  readonly name: string
  /** How much there is to copy. */
  count(): Count
  /** How much of it MongoDB holds. */
  countInTarget(): Promise<Count>
  /** Makes indexes and the like. */
  prepare(): Promise<void>
  copy(after: string | undefined): Promise<CopiedPage>
  compare(after: string | undefined): Promise<ComparedPage>
}

/** How far a copy is. */
export interface CopyProgress {
  readonly part: string
  readonly step: 'copy' | 'compare'
  readonly done: Count
  readonly of: Count
}

/** What was copied. */
export interface CopyReport {
  readonly parts: readonly { readonly name: string; readonly count: Count; readonly compared: Count }[]
  /** True when an earlier call had done everything; nothing was touched then. */
  readonly wasDone: boolean
}

/** What {@link copyParts} needs. */
export interface CopyOptions {
  readonly mongo: Mongo
  /** Names the source: an interrupted copy goes on only with the same one. */
  readonly source: string
  /** Says what the source holds: another one means that it changed. */
  readonly fingerprint: string
  readonly parts: readonly CopyPart[]
  readonly now: () => Timestamp
  readonly onProgress?: (progress: CopyProgress) => void
}

/** The source changed since it was copied, or since the copy was begun. */
export class CopyOutdatedError extends ParlanceError {
  static override readonly code = 'COPY_OUTDATED'
}

/** The database holds something already, or another copy. */
export class CopyTargetError extends ParlanceError {
  static override readonly code = 'COPY_TARGET'
}

/** What MongoDB holds after the copy is not what was copied. */
export class CopyDifferenceError extends ParlanceError {
  static override readonly code = 'COPY_DIFFERENCE'
}

interface CopyDocument {
  readonly _id: 'copy'
  readonly source: string
  readonly fingerprint: string
  readonly state: 'copying' | 'copied'
  readonly beganAt: Timestamp
  readonly endedAt?: Timestamp
  readonly parts?: readonly string[]
  readonly part?: string
  readonly after?: string
}

const collection = 'parlance.copy'
const shownDifferences: Count = 10

/**
 * Copies parts into an empty database, one after the other, then compares them.
 *
 * Progress is kept in the database after every page, so a copy that was interrupted goes on where it was; one that is done
 * is left alone. While it is not done {@link assertNotCopying} throws. Three round trips per page.
 *
 * @throws CopyTargetError when the database is not empty and not of this copy; CopyOutdatedError when the source is not any more
 * what it was when the copy was begun; CopyDifferenceError naming what differs.
 */
export async function copyParts(options: CopyOptions): Promise<CopyReport> {
  const { mongo, parts, now } = options
  const begun = await begin(options)
  const counts = parts.map((part) => ({ name: part.name, count: part.count() }))
  if (begun.state === 'copied') return { wasDone: true, parts: counts.map((part) => ({ ...part, compared: 0 })) }
  const done = new Set(begun.parts)
  for (const part of parts) {
    if (done.has(part.name)) continue
    await part.prepare()
    await copyPart(part, begun.part === part.name ? begun.after : undefined, options)
    done.add(part.name)
    await save(mongo, { parts: [...done] }, { part: 1, after: 1 })
  }
  const compared: Count[] = []
  for (const part of parts) compared.push(await comparePart(part, options))
  await save(mongo, { state: 'copied', endedAt: now() }, {})
  return { wasDone: false, parts: counts.map((part, index) => ({ ...part, compared: compared[index]! })) }
}

/**
 * Refuses a database that a copy was begun into and not finished. One round trip.
 *
 * @throws CopyTargetError
 */
export async function assertNotCopying(mongo: Mongo): Promise<void> {
  const found = await mongo.on<CopyDocument, CopyDocument | null>(collection, (on) => on.findOne({ _id: 'copy' }))
  if (found?.state === 'copying')
    throw new CopyTargetError(
      `a copy into the database ${mongo.database} was begun and is not finished: run it again, or choose another database`,
    )
}

/** Inserts those documents that are not there yet. One round trip. */
export async function insertMissing(mongo: Mongo, name: string, documents: readonly Document[]): Promise<void> {
  if (documents.length === 0) return
  try {
    await mongo.on(name, (on) => on.insertMany([...documents], { ordered: false }))
  } catch (error) {
    if (!(error instanceof MongoDuplicateError)) throw error
  }
}

async function begin({ mongo, source, fingerprint, parts, now }: CopyOptions): Promise<CopyDocument> {
  const found = await mongo.on<CopyDocument, CopyDocument | null>(collection, (on) => on.findOne({ _id: 'copy' }))
  if (found !== null) {
    if (found.source !== source)
      throw new CopyTargetError(
        `the database ${mongo.database} holds a copy of other data: choose an empty one, or the data it is a copy of`,
      )
    if (found.fingerprint === fingerprint) return found
    throw new CopyOutdatedError(
      `the data changed since its copy into the database ${mongo.database} was begun on ${new Date(found.beganAt).toISOString()}: ` +
        'drop that database and copy again, or choose an empty one',
    )
  }
  for (const part of parts) {
    const count = await part.countInTarget()
    if (count > 0)
      throw new CopyTargetError(
        `the database ${mongo.database} is not empty (${count} of ${part.name}): choose an empty one, nothing is mixed`,
        { details: { part: part.name, count } },
      )
  }
  const copy: CopyDocument = { _id: 'copy', source, fingerprint, state: 'copying', beganAt: now() }
  await mongo.on<CopyDocument, unknown>(collection, (on) => on.insertOne(copy))
  return copy
}

async function copyPart(part: CopyPart, from: string | undefined, options: CopyOptions): Promise<void> {
  const of = part.count()
  let done: Count = from === undefined ? 0 : await part.countInTarget()
  for (let after = from; ;) {
    const { copied, next } = await part.copy(after)
    done = Math.min(of, done + copied)
    options.onProgress?.({ part: part.name, step: 'copy', done, of })
    if (next === undefined) return
    await save(options.mongo, { part: part.name, after: next }, {})
    after = next
  }
}

async function comparePart(part: CopyPart, options: CopyOptions): Promise<Count> {
  const of = part.count()
  const inTarget = await part.countInTarget()
  const differences = inTarget === of ? [] : [`${of} ${part.name} were to be copied, ${inTarget} are there`]
  let compared: Count = 0
  for (let after: string | undefined; ;) {
    const found = await part.compare(after)
    compared += found.compared
    differences.push(...found.differences)
    options.onProgress?.({ part: part.name, step: 'compare', done: compared, of })
    if (found.next === undefined) break
    after = found.next
  }
  if (differences.length === 0) return compared
  throw new CopyDifferenceError(
    `${part.name} differ after the copy: ${differences.slice(0, shownDifferences).join('; ')}`,
    { details: { part: part.name, differences: differences.length } },
  )
}

async function save(
  mongo: Mongo,
  set: Partial<Omit<CopyDocument, '_id'>>,
  unset: Readonly<Record<string, 1>>,
): Promise<void> {
  await mongo.on<CopyDocument, unknown>(collection, (on) =>
    on.updateOne(
      { _id: 'copy' },
      { $set: set, ...(Object.keys(unset).length === 0 ? {} : { $unset: unset as never }) },
    ),
  )
}
