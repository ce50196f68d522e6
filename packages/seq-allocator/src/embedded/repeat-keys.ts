import { createHash } from 'node:crypto'
import type { Count } from '@parlance/core'
import type { SqliteEngine, SqliteStatement } from '@parlance/engines/sqlite'
import type { BatchEntry } from './batch-codec.ts'
import { HashWindow } from './hash-window.ts'

const hashBytes = 6
/** Rows forgotten per batch stored, so that no commit is held up by the end of a window. */
const forgetStep = 64
const rebuildStep = 10_000

/** The hash of a stream's repeat key: 48 bits of its SHA-256, never 0. */
export function repeatHash(stream: number, key: Uint8Array): number {
  const digest = createHash('sha256').update(`${stream} `).update(key).digest()
  return digest.readUIntBE(0, hashBytes) || 1
}

/**
 * Which number a repeat key has, for the newest entries of the whole journal.
 *
 * Looked up in memory, and kept in a table in the order of the log: an index sorted by hash would touch a page of its own
 * for every entry, which costs more than everything else together. Two keys may share a hash, by accident or because a
 * sender searched for such a pair, so whoever looks one up compares the stored key.
 *
 * What is undone leaves no trace: keys are given up after a commit only, in memory and in the table.
 */
export class RepeatKeys {
  readonly #engine: SqliteEngine
  readonly #hashes: HashWindow
  readonly #insert: SqliteStatement<never>
  readonly #forget: SqliteStatement<never>
  #newerFromLog = 0
  #keptFromLog = 0
  #forgottenBelowLog = 0

  constructor(engine: SqliteEngine, window: Count) {
    this.#engine = engine
    this.#hashes = new HashWindow(window)
    this.#insert = engine.prepare('INSERT INTO journal_repeats(log, first, hashes) VALUES (?, ?, ?)')
    this.#forget = engine.prepare('DELETE FROM journal_repeats WHERE log < ?')
    this.#rebuild()
  }

  /** The number noted under the hash whose stored key `isSame` recognises; 0 when there is none. */
  find(hash: number, isSame: (seq: number) => boolean): number {
    return this.#hashes.find(hash, isSame)
  }

  /** Inside a write: notes a number; whoever does so takes it back when the work is undone. */
  note(hash: number, seq: number): void {
    this.#hashes.add(hash, seq)
  }

  /** Takes back a {@link note}. */
  unnote(hash: number, seq: number): void {
    this.#hashes.remove(hash, seq)
  }

  /** Inside a write: keeps what was noted for the batch in row `log`, so that it is known after a restart. */
  store(log: number, first: number, entries: readonly BatchEntry[]): void {
    if (entries.every(({ hash }) => hash === 0)) return
    const hashes = Buffer.alloc(entries.length * hashBytes)
    entries.forEach(({ hash }, index) => hashes.writeUIntBE(hash, index * hashBytes, hashBytes))
    this.#insert.run(log, first, hashes)
    this.#forgetSome()
  }

  /** After a commit, before the next write: gives up the older half when the newer one is full; later rows begin at `nextLog`. */
  turn(nextLog: number): void {
    if (!this.#hashes.isFull) return
    this.#hashes.turn()
    this.#keptFromLog = this.#newerFromLog
    this.#newerFromLog = nextLog
  }

  #forgetSome(): void {
    if (this.#forgottenBelowLog >= this.#keptFromLog) return
    const before = this.#forgottenBelowLog
    this.#engine.afterRollback(() => (this.#forgottenBelowLog = before))
    this.#forgottenBelowLog = Math.min(this.#keptFromLog, before + forgetStep)
    this.#forget.run(this.#forgottenBelowLog)
  }

  #rebuild(): void {
    const page = this.#engine.prepare<{ log: number; first: number; hashes: Buffer }>(
      'SELECT log, first, hashes FROM journal_repeats WHERE log > ? ORDER BY log LIMIT ?',
    )
    for (let rows = page.all(0, rebuildStep); rows.length > 0; rows = page.all(rows.at(-1)!.log, rebuildStep)) {
      this.#forgottenBelowLog ||= rows[0]!.log
      for (const { log, first, hashes } of rows) {
        for (let index = 0; index * hashBytes < hashes.byteLength; index++) {
          const hash = hashes.readUIntBE(index * hashBytes, hashBytes)
          if (hash !== 0) this.note(hash, first + index)
        }
        this.turn(log + 1)
      }
    }
  }
}
