import { reasonOf } from './sdk.ts'
import { initialState, type State } from './state.ts'

const noticeMs = 6_000

/** Holds what the page shows; whoever listens is told once per turn, however much changed. */
export class Store {
  #state = initialState
  #listener: () => void = () => undefined
  #isTold = true
  #noticeID = 0

  get state(): State {
    return this.#state
  }

  listen(listener: () => void): void {
    this.#listener = listener
  }

  set(change: Partial<State>): void {
    this.#state = { ...this.#state, ...change }
    if (!this.#isTold) return
    this.#isTold = false
    queueMicrotask(() => {
      this.#isTold = true
      this.#listener()
    })
  }

  /** Changes one entry of a record by key; undefined takes it out. */
  setEntry<K extends 'threads' | 'drafts' | 'quoted' | 'members' | 'online' | 'typing'>(
    name: K,
    key: string,
    value: State[K][string] | undefined,
  ): void {
    const record: Record<string, unknown> = { ...this.#state[name] }
    if (value === undefined) delete record[key]
    else record[key] = value
    this.set({ [name]: record } as Partial<State>)
  }

  /** Shows a line for a while. */
  say(text: string, isError = false): void {
    const notice = { id: ++this.#noticeID, text, isError }
    const others = this.#state.notices.filter((other) => other.text !== text)
    this.set({ notices: [...others.slice(-2), notice] })
    setTimeout(() => this.dismiss(notice.id), noticeMs)
  }

  dismiss(id: number): void {
    this.set({ notices: this.#state.notices.filter((notice) => notice.id !== id) })
  }

  /** Does what was asked for; what goes wrong is shown in the server's own words. Resolves to whether it worked. */
  async attempt(what: string, work: () => Promise<unknown>, done?: string): Promise<boolean> {
    try {
      await work()
    } catch (error) {
      this.say(`${what}: ${reasonOf(error)}`, true)
      return false
    }
    if (done !== undefined) this.say(done)
    return true
  }
}
