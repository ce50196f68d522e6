import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import {
  ClosedError,
  latencyBucketsMs,
  type Counter,
  type Histogram,
  InvalidArgumentError,
  type Metrics,
  noMetrics,
  type ParlanceError,
} from '@parlance/core'
import { openLibsql, type SqliteDriver, type SqliteDriverStatement, type SqliteValue } from './driver.ts'
import { convertSqliteError, SqliteFlushError, SqliteUnwritableError } from './errors.ts'

/** How an engine is opened. */
export interface SqliteEngineOptions {
  /** The database file; its folder is created when missing. */
  readonly path: string
  readonly metrics?: Metrics
  /** For tests: called in place of nothing just before each COMMIT; what it throws is treated like a failing disk. */
  readonly faults?: { beforeCommit?(): void }
}

/** A prepared statement. Rows have the columns' names; blobs are Buffers. */
export interface SqliteStatement<Row> {
  run(...parameters: SqliteValue[]): { readonly changes: number }
  get(...parameters: SqliteValue[]): Row | undefined
  all(...parameters: SqliteValue[]): Row[]
}

interface QueuedWrite {
  readonly work: () => unknown
  resolve(result: unknown): void
  reject(error: unknown): void
}

/**
 * One SQLite file with group commit, shared by every embedded driver of a process.
 *
 * All writes handed in during one turn of the event loop are done in one transaction and flushed with one fsync
 * (WAL, `synchronous=FULL`): {@link write} resolves once its work is on disk. Reads run at once and see committed data
 * only. The file belongs to exactly one process; a second one is refused. One engine, one thread, no other connection.
 */
export class SqliteEngine {
  readonly path: string
  readonly #driver: SqliteDriver
  readonly #faults: NonNullable<SqliteEngineOptions['faults']>
  readonly #begin: SqliteDriverStatement
  readonly #commit: SqliteDriverStatement
  readonly #rollback: SqliteDriverStatement
  readonly #savepoint: SqliteDriverStatement
  readonly #release: SqliteDriverStatement
  readonly #undo: SqliteDriverStatement
  readonly #commits: Counter
  readonly #commitMs: Histogram
  readonly #writesPerCommit: Histogram
  #queue: QueuedWrite[] = []
  #afterCommit: (() => void)[] = []
  #scheduled = false
  #inTransaction = false
  #failure: ParlanceError | undefined
  #closed = false
  #idle: Promise<void> = Promise.resolve()

  /**
   * Opens or creates the file and takes it for this process.
   *
   * @throws SqliteLockedError when another process has it, SqliteUnwritableError when the folder or file cannot be written.
   */
  static open(options: SqliteEngineOptions): SqliteEngine {
    try {
      mkdirSync(dirname(options.path), { recursive: true })
    } catch (error) {
      throw new SqliteUnwritableError(
        `${dirname(options.path)} cannot be created: ${(error as Error).message}; choose another data folder (PARLANCE_DATA_DIR)`,
        { cause: error },
      )
    }
    let driver: SqliteDriver | undefined
    try {
      driver = openLibsql(options.path)
      for (const sql of [
        'PRAGMA locking_mode=EXCLUSIVE',
        'PRAGMA journal_mode=WAL',
        'PRAGMA synchronous=FULL',
        'PRAGMA cache_size=-65536',
      ])
        driver.prepare(sql).all()
      driver.exec(
        'CREATE TABLE IF NOT EXISTS engine_schema(owner TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID',
      )
      driver.exec('BEGIN IMMEDIATE; COMMIT')
      return new SqliteEngine(driver, options)
    } catch (error) {
      driver?.close()
      throw convertSqliteError(error, options.path)
    }
  }

  private constructor(driver: SqliteDriver, { path, metrics = noMetrics, faults = {} }: SqliteEngineOptions) {
    this.path = path
    this.#driver = driver
    this.#faults = faults
    this.#begin = driver.prepare('BEGIN IMMEDIATE')
    this.#commit = driver.prepare('COMMIT')
    this.#rollback = driver.prepare('ROLLBACK')
    this.#savepoint = driver.prepare('SAVEPOINT work')
    this.#release = driver.prepare('RELEASE work')
    this.#undo = driver.prepare('ROLLBACK TO work')
    this.#commits = metrics.counter('parlance_sqlite_commits_total', 'Durable transactions')
    this.#commitMs = metrics.histogram(
      'parlance_sqlite_commit_ms',
      'Time of one transaction with its fsync',
      latencyBucketsMs,
    )
    this.#writesPerCommit = metrics.histogram(
      'parlance_sqlite_writes_per_commit',
      'Writes that shared one fsync',
      [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000],
    )
  }

  /**
   * Runs the schema steps of one owner that have not run yet, in order, in one durable transaction.
   *
   * Steps are only ever appended to the list; an existing step is never edited.
   */
  migrate(owner: string, steps: readonly string[]): void {
    this.#assertOpen()
    const read = this.prepare<{ version: number }>('SELECT version FROM engine_schema WHERE owner = ?')
    const version = read.get(owner)?.version ?? 0
    if (version >= steps.length) return
    try {
      this.#begin.run()
      for (const step of steps.slice(version)) this.#driver.exec(step)
      this.#driver.prepare('INSERT OR REPLACE INTO engine_schema VALUES (?, ?)').run(owner, steps.length)
      this.#commit.run()
    } catch (error) {
      this.#driver.exec('ROLLBACK')
      throw convertSqliteError(error, this.path)
    }
  }

  /** Prepares a statement once; keep it. A write statement may only run inside {@link write}. */
  prepare<Row = Record<string, SqliteValue>>(sql: string): SqliteStatement<Row> {
    this.#assertOpen()
    const statement = this.#converting(() => this.#driver.prepare(sql))
    const writes =
      !/^\s*(select|pragma|with|explain)/i.test(sql) || /^\s*with\b[\s\S]*\b(insert|update|delete)\b/i.test(sql)
    const assertAllowed = (): void => {
      if (writes && !this.#inTransaction)
        throw new InvalidArgumentError(`a write statement ran outside write(): ${sql}`)
      if (this.#closed) this.#assertOpen()
    }
    return {
      run: (...parameters) => {
        assertAllowed()
        return this.#converting(() => statement.run(...parameters))
      },
      all: (...parameters) => {
        assertAllowed()
        return this.#converting(() => statement.all(...parameters)) as Row[]
      },
      get: (...parameters) => {
        assertAllowed()
        return this.#converting(() => statement.all(...parameters))[0] as Row | undefined
      },
    }
  }

  /**
   * Runs `work` in the next group commit and resolves with its result once that is durable.
   *
   * `work` is synchronous and runs in the order of the calls. When it throws, its own statements are undone, the others of
   * the group are kept, and the promise rejects with its error. When the commit fails, every promise of the group rejects.
   */
  write<T>(work: () => T): Promise<T> {
    if (this.#closed) return Promise.reject(new ClosedError(`the engine of ${this.path} is closed`))
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({ work, resolve: resolve as (result: unknown) => void, reject })
      this.#schedule()
    })
  }

  /** Called inside {@link write}: `task` runs once, after the group is durable and before its promises resolve. Dropped when the commit fails. */
  afterCommit(task: () => void): void {
    this.assertInWrite()
    this.#afterCommit.push(task)
  }

  /** Throws unless the caller stands inside {@link write}. */
  assertInWrite(): void {
    if (!this.#inTransaction) throw new InvalidArgumentError('this may only be called inside SqliteEngine.write')
  }

  /** The last failure that made the engine refuse writes, if any: what a health probe reports. */
  get failure(): ParlanceError | undefined {
    return this.#failure
  }

  /** Commits what is queued, then closes the file. */
  async close(): Promise<void> {
    while (this.#scheduled) await this.#idle
    if (this.#closed) return
    this.#closed = true
    this.#driver.close()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    this.#idle = new Promise((resolve) => {
      setImmediate(() => {
        this.#scheduled = false
        this.#flush()
        resolve()
      })
    })
  }

  #flush(): void {
    const group = this.#queue
    this.#queue = []
    this.#afterCommit = []
    const outcomes: { failed: boolean; value: unknown }[] = []
    const started = performance.now()
    try {
      this.#begin.run()
      this.#inTransaction = true
      for (const { work } of group) outcomes.push(this.#runOne(work, group.length > 1))
      this.#inTransaction = false
      this.#faults.beforeCommit?.()
      this.#commit.run()
    } catch (error) {
      this.#inTransaction = false
      this.#fail(error, group)
      return
    }
    this.#commits.add()
    this.#commitMs.observe(performance.now() - started)
    this.#writesPerCommit.observe(group.length)
    for (const task of this.#afterCommit) task()
    group.forEach((write, index) => {
      const outcome = outcomes[index]!
      if (outcome.failed) write.reject(outcome.value)
      else write.resolve(outcome.value)
    })
  }

  #runOne(work: () => unknown, shared: boolean): { failed: boolean; value: unknown } {
    this.#savepoint.run()
    const hooks = this.#afterCommit.length
    try {
      const value = work()
      this.#release.run()
      return { failed: false, value }
    } catch (error) {
      const failure = convertSqliteError(error, this.path)
      if (failure instanceof SqliteFlushError || (failure.code === 'SQLITE_DISK_FULL' && shared)) throw failure
      this.#afterCommit.length = hooks
      this.#undo.run()
      this.#release.run()
      return {
        failed: true,
        value:
          error instanceof Error && !('code' in error && String(error.code).startsWith('SQLITE_')) ? error : failure,
      }
    }
  }

  #fail(error: unknown, group: readonly QueuedWrite[]): void {
    const failure = convertSqliteError(error, this.path)
    try {
      this.#rollback.run()
    } catch {
      // SQLite has already rolled back by itself after a failed COMMIT; nothing is open any more.
    }
    if (failure instanceof SqliteFlushError) this.#failure = failure
    for (const write of group) write.reject(failure)
  }

  #converting<T>(call: () => T): T {
    try {
      return call()
    } catch (error) {
      throw convertSqliteError(error, this.path)
    }
  }

  #assertOpen(): void {
    if (this.#closed) throw new ClosedError(`the engine of ${this.path} is closed`)
  }
}
