import {
  ClosedError,
  type Count,
  type Counter,
  type Histogram,
  InvalidArgumentError,
  latencyBucketsMs,
  type Logger,
  type Metrics,
  noMetrics,
  OverloadedError,
  type ParlanceError,
  silentLogger,
} from '@parlance/core'
import type { SqliteDriver, SqliteDriverStatement, SqliteValue } from './driver.ts'
import { convertSqliteError, SqliteFlushError, SqliteSchemaError } from './errors.ts'
import { defaultLibrary, type SqliteLibrary } from './library.ts'
import { openFile } from './open-file.ts'
import { assertNoTransactionControl, guardStatement, type SqliteStatement, type StatementGuard } from './statement.ts'

/** How an engine is opened. */
export interface SqliteEngineOptions {
  /** The database file; its folder is created when missing. */
  readonly path: string
  /** @defaultValue `PARLANCE_SQLITE_LIBRARY`, else Node's own SQLite from Node 24 on, else libsql; files open with either. */
  readonly library?: SqliteLibrary
  readonly metrics?: Metrics
  /** Hears of tasks given to `afterCommit` or `afterRollback` that threw. */
  readonly logger?: Logger
  /** More writes than this waiting for one commit are refused with an OverloadedError. @defaultValue 100 000 */
  readonly maxQueuedWrites?: Count
  /** For tests: called in place of nothing just before each COMMIT; what it throws is treated like a failing disk. */
  readonly faults?: { beforeCommit?(): void }
}

interface QueuedWrite {
  readonly work: () => unknown
  resolve(result: unknown): void
  reject(error: unknown): void
}

type Outcome = { readonly failed: boolean; readonly value: unknown }

/** Works of one group: bounds how long one transaction holds up the event loop. */
const maxGroupWrites: Count = 2000

/**
 * One SQLite file with group commit, shared by every embedded driver of a process.
 *
 * All writes handed in during one turn of the event loop, up to 2000, are done in one transaction and flushed with one
 * fsync (WAL, `synchronous=FULL`): {@link write} resolves once its work is on disk. Those beyond follow in the next turns. Reads run at once and see committed data
 * only. The file belongs to exactly one process; a second one is refused. One engine, one thread, no other connection.
 */
export class SqliteEngine {
  readonly path: string
  readonly #driver: SqliteDriver
  readonly #logger: Logger
  readonly #maxQueuedWrites: Count
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
  readonly #taskFailures: Counter
  readonly #guard: StatementGuard
  readonly #owners = new Set<string>()
  readonly #queue: QueuedWrite[] = []
  #afterCommit: (() => void)[] = []
  #afterRollback: (() => void)[] = []
  #scheduled = false
  #inTransaction = false
  #lost: ParlanceError | undefined
  #failure: ParlanceError | undefined
  #closing = false
  #closed = false
  #idle: Promise<void> = Promise.resolve()

  /**
   * Opens or creates the file and takes it for this process.
   *
   * @throws SqliteLockedError when it is open already, SqliteUnwritableError when the folder or file cannot be written.
   */
  static open(options: SqliteEngineOptions): SqliteEngine {
    const driver = openFile(options.library ?? defaultLibrary(), options.path)
    try {
      return new SqliteEngine(driver, options)
    } catch (error) {
      driver.close()
      throw convertSqliteError(error, options.path)
    }
  }

  private constructor(driver: SqliteDriver, options: SqliteEngineOptions) {
    const { metrics = noMetrics } = options
    this.path = options.path
    this.#driver = driver
    this.#logger = options.logger ?? silentLogger
    this.#maxQueuedWrites = options.maxQueuedWrites ?? 100_000
    this.#faults = options.faults ?? {}
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
    this.#taskFailures = metrics.counter(
      'parlance_sqlite_task_failures_total',
      'Tasks that threw after a commit or an undo',
    )
    this.#guard = {
      assertAllowed: (writes, sql) => this.#assertAllowed(writes, sql),
      converting: (call) => this.#converting(call),
    }
  }

  /**
   * Runs the schema steps of one owner that have not run yet, in order, in one durable transaction.
   *
   * Steps are only ever appended to the list; an existing step is never edited. Called outside {@link write}.
   *
   * @throws SqliteSchemaError when the file already holds more steps than this program knows; ClosedError once close was
   *   called; the {@link failure} of an engine that refuses writes.
   */
  migrate(owner: string, steps: readonly string[]): void {
    if (this.#closing) throw this.#closedError()
    if (this.#failure !== undefined) throw this.#failure
    if (this.#inTransaction) throw new InvalidArgumentError('migrate may not be called inside write')
    const version = this.#schemaVersion(owner)
    if (version > steps.length) {
      throw new SqliteSchemaError(
        `${this.path} was written by a newer version: its ${owner} schema is ${version}, this program knows ${steps.length}; update the program`,
        { details: { owner, version, known: steps.length } },
      )
    }
    if (version === steps.length) return
    try {
      this.#begin.run([])
      for (const step of steps.slice(version)) this.#driver.exec(step)
      this.#driver.prepare('INSERT OR REPLACE INTO engine_schema VALUES (?, ?)').run([owner, steps.length])
      this.#commit.run([])
    } catch (error) {
      throw this.#abandon(error)
    }
  }

  /**
   * Reserves a set of tables for one driver object.
   *
   * A driver that remembers what its tables hold calls this first: a second one beside it would not see its writes.
   *
   * @throws InvalidArgumentError when the engine has such a driver already.
   */
  claim(owner: string): void {
    if (this.#owners.has(owner))
      throw new InvalidArgumentError(`this engine has ${owner} already: make it once and pass it on`)
    this.#owners.add(owner)
  }

  /** Prepares a statement once; keep it. A write statement may only run inside {@link write}. Parameters: `?` or `?1`. */
  prepare<Row = Record<string, SqliteValue>>(sql: string): SqliteStatement<Row> {
    this.#assertOpen()
    assertNoTransactionControl(sql)
    return guardStatement<Row>(
      sql,
      this.#converting(() => this.#driver.prepare(sql)),
      this.#guard,
    )
  }

  /**
   * Runs `work` in the next group commit and resolves with its result once that is durable.
   *
   * `work` is synchronous and runs in the order of the calls. When it throws, its own statements are undone, the others of
   * the group are kept, and the promise rejects with its error. When the commit fails, every promise of the group rejects.
   */
  write<T>(work: () => T): Promise<T> {
    if (this.#closing) return Promise.reject(this.#closedError())
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    if (this.#queue.length >= this.#maxQueuedWrites)
      return Promise.reject(new OverloadedError(`${this.#queue.length} writes wait for ${this.path}: try again later`))
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({ work, resolve: resolve as (result: unknown) => void, reject })
      this.#schedule()
    })
  }

  /** Called inside {@link write}: `task` runs once, after the group is durable and before its promises resolve. Dropped when the work is undone. */
  afterCommit(task: () => void): void {
    this.assertInWrite()
    this.#afterCommit.push(task)
  }

  /** Called inside {@link write}: `task` runs once if this work is undone, alone or with its group, before any other work runs. */
  afterRollback(task: () => void): void {
    this.assertInWrite()
    this.#afterRollback.push(task)
  }

  /** Throws unless the caller stands inside {@link write}. */
  assertInWrite(): void {
    if (!this.#inTransaction) throw new InvalidArgumentError('this may only be called inside SqliteEngine.write')
  }

  /** The last failure that made the engine refuse writes, if any: what a health probe reports. */
  get failure(): ParlanceError | undefined {
    return this.#failure
  }

  /** Refuses new writes, commits what is queued, then closes the file, which another engine may open at once. */
  async close(): Promise<void> {
    this.#closing = true
    while (this.#scheduled) await this.#idle
    if (this.#closed) return
    this.#closed = true
    try {
      if (this.#failure === undefined) this.#letGo()
    } finally {
      this.#driver.close()
    }
  }

  // libsql keeps the connection, and with it the lock, until every statement is garbage collected: the lock has to
  // be given up beforehand, and an exclusive one can only be given up outside WAL mode.
  #letGo(): void {
    for (const sql of [
      'PRAGMA journal_mode=DELETE',
      'PRAGMA locking_mode=NORMAL',
      'SELECT count(*) FROM engine_schema',
    ])
      this.#converting(() => this.#driver.prepare(sql).all([]))
  }

  #schemaVersion(owner: string): number {
    const read = this.prepare<{ version: number }>('SELECT version FROM engine_schema WHERE owner = ?')
    return read.get(owner)?.version ?? 0
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
    const group = this.#queue.splice(0, maxGroupWrites)
    const outcomes: Outcome[] = []
    if (this.#queue.length > 0) this.#schedule()
    this.#lost = undefined
    const started = performance.now()
    try {
      if (this.#failure !== undefined) throw this.#failure
      this.#begin.run([])
      this.#inTransaction = true
      for (const { work } of group) outcomes.push(this.#runOne(work))
      this.#inTransaction = false
      this.#faults.beforeCommit?.()
      this.#commit.run([])
    } catch (error) {
      const failure = this.#abandon(error)
      for (const write of group) write.reject(failure)
      return
    }
    this.#commits.add()
    this.#commitMs.observe(performance.now() - started)
    this.#writesPerCommit.observe(group.length)
    this.#runTasks(this.#takeTasks().commit)
    group.forEach((write, index) => {
      const outcome = outcomes[index]!
      if (outcome.failed) write.reject(outcome.value)
      else write.resolve(outcome.value)
    })
  }

  #runOne(work: () => unknown): Outcome {
    const commitTasks = this.#afterCommit.length
    const rollbackTasks = this.#afterRollback.length
    this.#savepoint.run([])
    try {
      const value = work()
      if (value instanceof Promise) throw this.#asynchronous(value)
      if (this.#lost !== undefined) throw this.#lost
      this.#release.run([])
      return { failed: false, value }
    } catch (error) {
      if (this.#lost !== undefined || error instanceof SqliteFlushError) throw this.#lost ?? error
      this.#undo.run([])
      this.#release.run([])
      this.#afterCommit.length = commitTasks
      this.#runTasks(this.#afterRollback.splice(rollbackTasks))
      return { failed: true, value: error }
    }
  }

  #asynchronous(result: Promise<unknown>): InvalidArgumentError {
    result.catch((error: unknown) =>
      this.#logger.error('an asynchronous work failed after it was refused', { path: this.path, error }),
    )
    return new InvalidArgumentError(
      'the work of write() must be synchronous: what it awaits would miss the transaction',
    )
  }

  // Brings the connection back to no transaction; a flush error is final, because what reached the disk is unknown.
  #abandon(error: unknown): ParlanceError {
    this.#inTransaction = false
    let failure = convertSqliteError(error, this.path)
    try {
      if (this.#driver.inTransaction) this.#rollback.run([])
    } catch (rollbackError) {
      failure = new SqliteFlushError(`${failure.message}; and it could not be rolled back: restart`, {
        cause: rollbackError,
      })
    }
    if (failure instanceof SqliteFlushError) this.#failure = failure
    this.#runTasks(this.#takeTasks().rollback)
    return failure
  }

  // No task outlives the transaction in which it was given.
  #takeTasks(): { readonly commit: readonly (() => void)[]; readonly rollback: readonly (() => void)[] } {
    const tasks = { commit: this.#afterCommit, rollback: this.#afterRollback }
    this.#afterCommit = []
    this.#afterRollback = []
    return tasks
  }

  #runTasks(tasks: readonly (() => void)[]): void {
    for (const task of tasks) {
      try {
        task()
      } catch (error) {
        this.#taskFailures.add()
        this.#logger.error('a task after a commit or an undo failed', { path: this.path, error })
      }
    }
  }

  #assertAllowed(writes: boolean, sql: string): void {
    if (this.#closed) this.#assertOpen()
    if (this.#lost !== undefined && this.#inTransaction) throw this.#lost
    if (writes && !this.#inTransaction) throw new InvalidArgumentError(`a write statement ran outside write(): ${sql}`)
  }

  // A full disk ends the whole transaction inside SQLite: from then on statements would commit one by one.
  #converting<T>(call: () => T): T {
    try {
      return call()
    } catch (error) {
      const failure = convertSqliteError(error, this.path)
      if (this.#inTransaction && !this.#driver.inTransaction) this.#lost = failure
      throw failure
    }
  }

  #assertOpen(): void {
    if (this.#closed) throw this.#closedError()
  }

  #closedError(): ClosedError {
    return new ClosedError(`the engine of ${this.path} is closed`)
  }
}
