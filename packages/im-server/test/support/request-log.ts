import { summed } from './service-wire.ts'

/** What was asked for, and whether the answer was handed on. */
export interface Request {
  readonly service: string
  readonly names: readonly string[]
  /** How many requests were answered one after another before it, and itself. */
  readonly depth: number
}

interface Logged extends Request {
  readonly names: string[]
  readonly connection: object
  isAnswered: boolean
}

/** What one process asks of its services, whichever of them. */
export class RequestLog {
  #requests: Logged[] = []
  #answered = 0

  /** Forgets what was asked. */
  clear(): void {
    this.#requests = []
    this.#answered = 0
  }

  /** On one connection to Redis, what is asked before anything is answered travels together. */
  asked(service: string, names: readonly string[], connection: object): Request {
    const last = this.#requests.findLast((request) => request.connection === connection)
    if (service === 'Redis' && last?.isAnswered === false) {
      last.names.push(...names)
      return last
    }
    const request = { service, names: [...names], depth: this.#answered + 1, connection, isAnswered: false }
    this.#requests.push(request)
    return request
  }

  answered(request: Request): void {
    const logged = this.#requests.find((one) => one === request)
    if (logged === undefined) return
    logged.isAnswered = true
    this.#answered = Math.max(this.#answered, logged.depth)
  }

  /** The longest chain of requests of which each was sent after the one before was answered. */
  get depth(): number {
    return Math.max(0, ...this.#requests.map(({ depth }) => depth))
  }

  /** Each request to a service, in one order whatever came first of what was asked together. */
  namesOf(service: string): readonly string[] {
    return this.#requests
      .filter((request) => request.service === service)
      .map(({ names }) => summed(names.map((name) => name.split(' ')[0]!)))
      .toSorted()
  }

  /** Line by line, for who wants to know what is asked. */
  get lines(): string {
    return this.#requests
      .map(({ service, names, depth }) => ({ depth, line: `  ${depth}. ${service}: ${summed(names)}` }))
      .toSorted((one, other) => one.depth - other.depth || (one.line < other.line ? -1 : 1))
      .map(({ line }) => line)
      .join('\n')
  }
}
