import { InvalidArgumentError } from '@parlance/core'
import type { Session } from './session.ts'

/** Every request names the op it asks for. */
export interface OpMessage {
  readonly op: string | number
}

/**
 * Serves one op. What it returns (or its promise yields) is the answer's data; what it throws is the answer's error.
 *
 * Requests of one session are started in order of arrival; the next one does not wait for the promise.
 */
export type OpHandler<In, Out, Request = In> = (session: Session<In, Out>, request: Request) => unknown

// Compared as text: the compiler types a literal's numeric property names as text when it looks for the handler's type.
type RequestOf<In extends OpMessage, Op extends string | number> = In extends unknown
  ? `${Op}` extends `${In['op']}`
    ? In
    : never
  : never

/** Handlers by op; in a union of requests each gets those of its own op. */
export type OpTable<In extends OpMessage, Out> = {
  readonly [Op in In['op']]?: OpHandler<In, Out, RequestOf<In, Op>>
}

/** How handling a request ended. */
export type Outcome = { readonly data: unknown } | { readonly error: unknown }

/** Finds the handler of an op. Numeric and textual spelling of an op are the same op. */
export class OpRouter<In extends OpMessage, Out> {
  readonly #handlers = new Map<string | number, OpHandler<In, Out>>()

  /** @throws {@link InvalidArgumentError} when an op is served already. */
  add(table: OpTable<In, Out>): void {
    const entries = Object.entries(table) as [string, OpHandler<In, Out>][]
    for (const [op] of entries)
      if (this.#handlers.has(op))
        throw new InvalidArgumentError(`op ${op} is served already; give it another name or remove one handler`, {
          details: { op },
        })
    for (const [op, handler] of entries) {
      this.#handlers.set(op, handler)
      if (String(Number(op)) === op) this.#handlers.set(Number(op), handler)
    }
  }

  find(op: string | number): OpHandler<In, Out> | undefined {
    return this.#handlers.get(op)
  }
}
