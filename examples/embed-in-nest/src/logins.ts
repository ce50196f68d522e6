import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/** The application's own login: a cookie and who has it. Yours asks for a password, and keeps sessions somewhere. */
export class Logins {
  readonly #names = new Map<string, string>()

  /** Signs somebody in; returns the `set-cookie` header. */
  begin(name: string): string {
    const id = randomUUID()
    this.#names.set(id, name)
    return `session=${id}; HttpOnly; SameSite=Lax; Path=/`
  }

  /** Who sent a request; undefined for nobody. */
  nameOf({ headers }: Pick<IncomingMessage, 'headers'>): string | undefined {
    return this.#names.get(/(?:^|; )session=([\w-]+)/.exec(headers.cookie ?? '')?.[1] ?? '')
  }
}
