import type { Connection } from './connection.ts'
import type { OpMessage } from './ops.ts'

/** The connections of this node, by subject. */
export class SessionTable<In extends OpMessage, Out> {
  readonly #all = new Set<Connection<In, Out>>()
  // Arrays are replaced, never changed: a walk over one is not disturbed by what it causes.
  readonly #bySubject = new Map<string, readonly Connection<In, Out>[]>()

  get size(): number {
    return this.#all.size
  }

  all(): Iterable<Connection<In, Out>> {
    return this.#all
  }

  of(subject: string): readonly Connection<In, Out>[] {
    return this.#bySubject.get(subject) ?? []
  }

  add(connection: Connection<In, Out>): void {
    this.#all.add(connection)
    this.#bySubject.set(connection.subject, [...this.of(connection.subject), connection])
  }

  remove(connection: Connection<In, Out>): void {
    if (!this.#all.delete(connection)) return
    const rest = this.of(connection.subject).filter((other) => other !== connection)
    if (rest.length === 0) this.#bySubject.delete(connection.subject)
    else this.#bySubject.set(connection.subject, rest)
  }
}
