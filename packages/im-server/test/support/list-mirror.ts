import type { ApiClient } from './api-client.ts'

interface Answer<T> {
  readonly version: number
  readonly versionID: string
  readonly full: boolean
  readonly delete: readonly string[]
  readonly insert: readonly T[]
  readonly update: readonly T[]
}

/** Where a list is read, and how its entries are named. */
export interface MirroredList<T> {
  readonly incremental: string
  readonly whole: string
  entriesOf(answer: Record<string, unknown>): readonly T[]
  idOf(entry: T): string
}

/** A client that keeps a list as the official core does: whole once, then only what changed. */
export class ListMirror<T> {
  readonly #api: ApiClient
  readonly #userID: string
  readonly #list: MirroredList<T>
  readonly #entries = new Map<string, T>()
  #known = { version: 0, versionID: '' }
  /** How often the whole list had to be read. */
  fullCount = 0

  constructor(api: ApiClient, userID: string, list: MirroredList<T>) {
    this.#api = api
    this.#userID = userID
    this.#list = list
  }

  /** Asks what changed, and returns the entries by id. */
  async sync(): Promise<ReadonlyMap<string, T>> {
    const { data } = await this.#api.must<Answer<T>>(this.#list.incremental, { userID: this.#userID, ...this.#known })
    if (data.full) {
      this.fullCount++
      this.#entries.clear()
      for (const entry of await this.fromZero()) this.#entries.set(this.#list.idOf(entry), entry)
    } else {
      for (const id of data.delete)
        if (!this.#entries.delete(id)) throw new Error(`${id} is to be deleted and was not in the list`)
      for (const entry of [...data.insert, ...data.update]) this.#entries.set(this.#list.idOf(entry), entry)
    }
    this.#known = { version: data.version, versionID: data.versionID }
    return new Map([...this.#entries].toSorted(([a], [b]) => (a < b ? -1 : 1)))
  }

  /** The whole list, as somebody reads it who knows nothing, over this connection or another one. */
  async fromZero(api = this.#api): Promise<readonly T[]> {
    const pagination = { pageNumber: 1, showNumber: 1_000 }
    const { data } = await api.must(this.#list.whole, { userID: this.#userID, pagination })
    return this.#list.entriesOf(data)
  }
}
