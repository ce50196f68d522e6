import type { Touches } from './touches.ts'
import { VirtualClock } from './virtual-clock.ts'

/** How calls on an intercepted port are taken apart. */
export interface InterceptOptions {
  /** Ports with the same name touch the same thing, so the order of their calls matters. */
  readonly name: string
  /**
   * True makes the answer a step of its own, as on a network: other things happen while it is on its way. Needed where programs
   * share memory; where each has its process to itself, the answer may come with the call and nothing is missed.
   * @defaultValue false
   */
  readonly answersApart?: boolean
}

/** What a scenario is given to set up one run. */
export interface Run {
  /** Moves only when every program waits for time, or when an event of the scenario moves it. */
  readonly clock: VirtualClock
  /** A program to run; programs of one process share memory. It begins when its turn comes. */
  program(process: string, name: string, body: () => Promise<void>): void
  /** The port as `process` sees it: every call of a method waits for its turn. */
  intercept<Port extends object>(process: string, port: Port, options: InterceptOptions): Port
  /** Something that may happen once, at any moment, or not at all. */
  maybe(name: string, happen: () => Promise<void> | void): void
  /** The process may die at any moment: what it had sent may still arrive, nothing of it goes on. */
  maybeCrash(process: string): void
  /** A number for the present moment, to tell what was over before what began. */
  moment(): number
}

/** Sets a run up and returns the check to make when all its programs are over. */
export type Scenario = (run: Run) => Check | Promise<Check>

type Check = () => Promise<void> | void

/** A step that could be next. */
export interface Call {
  readonly label: string
  readonly process?: string
  /** True when it has left its process, so that it may arrive even if that has died. */
  readonly isSent?: boolean
  readonly touches: Touches
  readonly go: () => Promise<void> | void
}

type AsyncMethod = (...args: readonly unknown[]) => Promise<unknown>

/** One run of a scenario, step by step. */
export class ExploredRun implements Run {
  readonly clock = new VirtualClock()
  failure: string | undefined
  #check: Check = () => undefined
  #pending: Call[] = []
  readonly #events = new Map<string, Call>()
  readonly #unfinished = new Map<string, string>()
  readonly #crashed = new Set<string>()
  readonly #callCounts = new Map<string, number>()
  readonly #timePasses: Call = {
    label: 'time passes',
    touches: 'everything',
    go: async () => void (await this.clock.advanceToNext()),
  }
  #touched = new Set<string>()
  #moment = 0

  static async open(scenario: Scenario): Promise<ExploredRun> {
    const run = new ExploredRun()
    run.#check = await scenario(run)
    return run
  }

  program(process: string, name: string, body: () => Promise<void>): void {
    this.#unfinished.set(name, process)
    const fail = (error: unknown): void => {
      if (!this.#crashed.has(process)) this.failure ??= `${name}: ${String(error)}`
    }
    const begin = (): void => void body().then(() => void this.#unfinished.delete(name), fail)
    this.#offer({ process, label: `${name} begins`, touches: new Set([process]), go: begin })
  }

  intercept<Port extends object>(process: string, port: Port, { name, answersApart = false }: InterceptOptions): Port {
    return new Proxy(port, {
      get: (target, property) => {
        const member: unknown = Reflect.get(target, property)
        if (typeof member !== 'function') return member
        const call = member.bind(target) as AsyncMethod
        const label = `${process}: ${name}.${String(property)}`
        const touches = new Set(answersApart ? [name] : [process, name])
        return (...args: readonly unknown[]) =>
          new Promise((resolve, reject) => {
            const answer = (deliver: () => void): void => {
              if (!answersApart) return deliver()
              this.#offer({ process, label: `${label} answers`, touches: new Set([process]), go: deliver })
            }
            const go = (): void =>
              void call(...args).then(
                (value) => answer(() => resolve(value)),
                (error: unknown) => answer(() => reject(error as Error)),
              )
            this.#touched.add(process)
            this.#offer({ process, label, isSent: true, touches, go })
          })
      },
    })
  }

  maybe(name: string, happen: () => Promise<void> | void): void {
    this.#events.set(name, { label: name, touches: 'everything', go: happen })
  }

  maybeCrash(process: string): void {
    this.maybe(`${process} dies`, () => {
      this.#crashed.add(process)
      this.#pending = this.#pending.filter((call) => call.process !== process || call.isSent)
      for (const [name, of] of this.#unfinished) if (of === process) this.#unfinished.delete(name)
    })
  }

  moment(): number {
    this.#touched.add('moments')
    return ++this.#moment
  }

  /** What may be next; `undefined` when every program is over. */
  enabled(): readonly Call[] | undefined {
    if (this.#unfinished.size === 0) return undefined
    const calls = [...this.#pending, ...this.#events.values()]
    if (this.#pending.some(({ process }) => process !== undefined && !this.#crashed.has(process))) return calls
    if (this.clock.pendingCount > 0) return [this.#timePasses, ...calls]
    this.failure = `${[...this.#unfinished.keys()].join(' and ')} wait for ever`
    return undefined
  }

  /** Takes a step, lets all that follows from it happen, and answers what was touched. */
  async perform(call: Call): Promise<Touches> {
    this.#pending = this.#pending.filter((other) => other !== call)
    this.#events.delete(call.label)
    this.#touched = new Set()
    await call.go()
    await turnOfLoop()
    return call.touches === 'everything' ? 'everything' : new Set([...call.touches, ...this.#touched])
  }

  /** Makes the final check and says what is wrong. */
  async finish(): Promise<string | undefined> {
    if (this.failure !== undefined) return this.failure
    try {
      await this.#check()
      return undefined
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
  }

  #offer(call: Call & { readonly process: string }): void {
    if (this.#crashed.has(call.process)) return
    const count = (this.#callCounts.get(call.label) ?? 0) + 1
    this.#callCounts.set(call.label, count)
    this.#pending.push(count === 1 ? call : { ...call, label: `${call.label} #${count}` })
  }
}

function turnOfLoop(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve))
}
