import type { Clock } from '@parlance/core'
import type { Db, MongoClient } from 'mongodb'
import { watchStalls } from './stalls.ts'

/** A client of the MongoDB library whose calls end, whatever becomes of the client. */
export class WatchedClient {
  readonly #client: MongoClient
  readonly #database: Db
  readonly #endings = new Set<(reason: Error) => void>()
  readonly #stopWatch: () => void

  /** `stalled` is told once, when the client is of no more use. */
  constructor(client: MongoClient, database: string, clock: Clock, stalled: (lost: string) => void) {
    this.#client = client
    this.#database = client.db(database)
    this.#stopWatch = watchStalls(client, clock, stalled)
  }

  /** Runs `work` until it ends or {@link end} is called. */
  run<T>(work: (database: Db) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#endings.add(reject)
      const done = (): boolean => this.#endings.delete(reject)
      // What `work` throws at once is a failure like any other.
      void (async () => work(this.#database))().then(resolve, reject).finally(done)
    })
  }

  /** Fails the calls that are under way. */
  end(reason: Error): void {
    for (const ending of this.#endings) ending(reason)
    this.#endings.clear()
  }

  /** Closes its connections; what is under way fails as the library has it, or never ends. */
  async close(): Promise<void> {
    this.#stopWatch()
    await this.#client.close()
  }
}
