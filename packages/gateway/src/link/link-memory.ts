import type { Count } from '@parlance/core'
import { LinkProtocolError } from '../errors.ts'
import type { NodeOpTable } from '../node-op-table.ts'
import { answerFrame, type CallBody, failureFrame } from './frames.ts'

/** Far above what a client lets wait. */
const unacknowledgedCalls: Count = 65_536

/** Where answers go while their client is connected. */
export interface AnswerSink {
  write(frame: readonly Uint8Array[]): void
}

/** A call that told the host something of the link itself. */
export const missedOp = '\u0000missed'

/**
 * What a host knows of one client's link, over all its connections: which calls were begun, and the answers that the client
 * has not acknowledged. So a call that comes again after a break is not begun again, and its answer is not lost.
 */
export class LinkMemory {
  readonly #ops: NodeOpTable
  readonly #onMissed: () => void
  readonly #answerBytes: number
  readonly #answers = new Map<number, readonly Uint8Array[]>()
  readonly #running = new Set<Promise<void>>()
  #begun = 0
  #sink: AnswerSink | undefined

  constructor(ops: NodeOpTable, answerBytes: number, onMissed: () => void) {
    this.#ops = ops
    this.#answerBytes = answerBytes
    this.#onMissed = onMissed
  }

  /** The highest number of a call that was begun. */
  get begun(): number {
    return this.#begun
  }

  get isConnected(): boolean {
    return this.#sink !== undefined
  }

  /** Answers go there from now on, those first that nobody acknowledged. */
  connect(sink: AnswerSink): void {
    this.#sink = sink
    for (const frame of this.#answers.values()) sink.write(frame)
  }

  /** The connection has ended, unless another one took its place already. */
  disconnect(sink: AnswerSink): void {
    if (this.#sink === sink) this.#sink = undefined
  }

  acknowledge(numbers: readonly number[]): void {
    for (const number of numbers) this.#answers.delete(number)
  }

  /** Begins a call, unless it was begun before. @throws LinkProtocolError when the client lets too many wait. */
  call({ number, op, payload }: CallBody): void {
    if (number <= this.#begun) return
    if (this.#answers.size + this.#running.size >= unacknowledgedCalls)
      throw new LinkProtocolError(`more than ${unacknowledgedCalls} calls of one client wait`)
    this.#begun = number
    if (op === missedOp) {
      this.#onMissed()
      return this.#answer(number, answerFrame(number, nothing))
    }
    const running = this.#run(number, op, payload).finally(() => void this.#running.delete(running))
    this.#running.add(running)
  }

  /** Resolves when nothing is being handled. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running)
  }

  async #run(number: number, op: string, payload: Buffer): Promise<void> {
    const { failure, payload: answer } = await this.#ops.run(op, payload)
    if (failure !== undefined) return this.#answer(number, failureFrame(number, failure))
    if (answer.length <= this.#answerBytes) return this.#answer(number, answerFrame(number, answer))
    const message = `the answer has ${answer.length} bytes; a frame takes ${this.#answerBytes}`
    this.#answer(number, failureFrame(number, { code: 'CORE_INVALID_ARGUMENT', message, isRetryable: false }))
  }

  #answer(number: number, frame: readonly Uint8Array[]): void {
    this.#answers.set(number, frame)
    this.#sink?.write(frame)
  }
}

const nothing = new Uint8Array()
