import type { Intent, IntentTable } from '../src/mongo/intent-table.ts'
import type { Mark, Operation, RowState, RowTable } from '../src/mongo/row-table.ts'
import type { EntitySchema } from '../src/entity/schema.ts'
import { KeyCodec } from '../src/entity/key-codec.ts'

type Draft = { -readonly [N in keyof RowState]: RowState[N] }

/** The rows of one entity in memory: what each method does is one atomic step, as if it were one document after the other. */
export class MemoryRowTable implements RowTable {
  readonly schema: EntitySchema
  readonly rows = new Map<string, RowState>()
  readonly #key: KeyCodec

  constructor(schema: EntitySchema) {
    this.schema = schema
    this.#key = new KeyCodec(schema.key, 'the key')
  }

  idOf: RowTable['idOf'] = (key) => this.#key.encode(key)

  read: RowTable['read'] = async (ids) =>
    new Map(ids.flatMap((id) => (this.rows.has(id) ? [[id, this.rows.get(id)!] as const] : [])))

  create: RowTable['create'] = async ({ id, stored }, mark) => {
    if (this.rows.has(id)) return false
    this.rows.set(id, { id, stored, stamp: mark.op, marks: [mark], lock: undefined, readers: [] })
    return true
  }

  replace: RowTable['replace'] = async ({ id, stamp }, { stored }, mark) =>
    this.#change(
      id,
      (row) => row.stamp === stamp && isUnused(row),
      (row) => Object.assign(row, { stored, stamp: mark.op, marks: [...row.marks, mark] }),
    )

  lock: RowTable['lock'] = async (op, requests) => {
    let isAll = true
    for (const { id, state, isShared } of requests) {
      if (state === undefined) {
        if (this.rows.has(id)) isAll = false
        else this.rows.set(id, { id, stored: undefined, stamp: undefined, marks: [], lock: op, readers: [] })
        continue
      }
      const isLocked = this.#change(
        id,
        (row) => row.stamp === state.stamp && (isShared ? row.lock === undefined : isUnused(row)),
        (row) => Object.assign(row, isShared ? { readers: [...new Set([...row.readers, op])] } : { lock: op }),
      )
      isAll &&= isLocked
    }
    return isAll
  }

  unlock: RowTable['unlock'] = async (op, rows) => {
    for (const { id, isShared } of rows) {
      if (isShared)
        this.#change(
          id,
          () => true,
          (row) => (row.readers = row.readers.filter((one) => one !== op)),
        )
      else if (this.rows.get(id)?.lock === op && this.rows.get(id)?.stamp === undefined) this.rows.delete(id)
      else
        this.#change(
          id,
          (row) => row.lock === op,
          (row) => (row.lock = undefined),
        )
    }
  }

  settle: RowTable['settle'] = async (op, images) => {
    for (const { id, stored } of images) {
      const row = this.rows.get(id)
      if (row?.lock !== op) continue
      if (stored === undefined && row.marks.length === 0) this.rows.delete(id)
      else this.rows.set(id, { ...row, stored, stamp: op, lock: undefined })
    }
  }

  clear: RowTable['clear'] = async (images) => {
    const cleared = new Set<Operation>()
    for (const { id, op, stored } of images) {
      const row = this.rows.get(id)
      if (row?.stamp === op && row.marks.length === 1 && row.marks[0]!.op === op) {
        if (stored === undefined && !isUnused(row)) continue
        if (stored === undefined) this.rows.delete(id)
        else this.rows.set(id, { ...row, marks: [] })
        cleared.add(op)
      } else if (!row?.marks.some((mark) => mark.op === op))
        if (stored === undefined ? row?.stored === undefined : row?.stamp === op) cleared.add(op)
    }
    return cleared
  }

  unmark: RowTable['unmark'] = async ({ id, stamp }, op) => {
    const isDone = this.#change(
      id,
      (row) => row.stamp === stamp,
      (row) => (row.marks = row.marks.filter((mark) => mark.op !== op)),
    )
    const row = this.rows.get(id)
    if (isDone && row!.stored === undefined && row!.marks.length === 0 && isUnused(row!)) this.rows.delete(id)
    return isDone
  }

  marked: RowTable['marked'] = async (before, limit) =>
    [...this.rows.values()].filter(({ marks }) => marks.some(({ at }) => at < before)).slice(0, limit)

  claimMark: RowTable['claimMark'] = async (id, { op, at }, now) => {
    const isOld = (mark: Mark) => mark.op === op && mark.at === at
    return this.#change(
      id,
      ({ marks }) => marks.some(isOld),
      (row) => (row.marks = row.marks.map((mark) => (isOld(mark) ? { ...mark, at: now } : mark))),
    )
  }

  #change(id: string, allows: (row: RowState) => boolean, change: (row: Draft) => unknown): boolean {
    const row = this.rows.get(id)
    if (row === undefined || !allows(row)) return false
    const draft: Draft = { ...row }
    change(draft)
    this.rows.set(id, draft)
    return true
  }
}

const isUnused = ({ lock, readers }: RowState): boolean => lock === undefined && readers.length === 0

/** Intents in memory. */
export class MemoryIntentTable implements IntentTable {
  readonly intents = new Map<Operation, Intent>()

  prepare: IntentTable['prepare'] = async (intent) => void this.intents.set(intent.op, intent)

  commit: IntentTable['commit'] = async (intent) => {
    if (this.intents.get(intent.op)?.state !== 'preparing') return false
    this.intents.set(intent.op, intent)
    return true
  }

  find: IntentTable['find'] = async (op) => this.intents.get(op)

  abort: IntentTable['abort'] = async (op) => this.intents.get(op)?.state === 'preparing' && this.intents.delete(op)

  remove: IntentTable['remove'] = async (op) => void this.intents.delete(op)

  abandoned: IntentTable['abandoned'] = async (before, limit) =>
    [...this.intents.values()].filter(({ at }) => at < before).slice(0, limit)

  claim: IntentTable['claim'] = async ({ op, at }, now) => {
    const intent = this.intents.get(op)
    if (intent?.at !== at) return false
    this.intents.set(op, { ...intent, at: now })
    return true
  }
}
