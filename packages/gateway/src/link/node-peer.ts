import {
  backoffMs,
  type Bytes,
  type Clock,
  ClosedError,
  type Count,
  InvalidArgumentError,
  type Logger,
  type Milliseconds,
  OverloadedError,
  type ParlanceError,
  pause,
  type Timer,
} from '@parlance/core'
import { LinkProtocolError, NodeGoneError, NodeUnreachableError } from '../errors.ts'
import type { NodesSource } from '../node-link.ts'
import { type NodeFailure, remoteError } from '../node-op-table.ts'
import { drawLinkID, type LinkSecret, type Welcome } from './authentication.ts'
import { acknowledgementFrame, callFrame, callHeadBytes, type Frame, frameKinds, readAnswer } from './frames.ts'
import { LinkConnection } from './link-connection.ts'
import { missedOp } from './link-memory.ts'
import type { LinkMeasures } from './link-measures.ts'

/** What the links of a client share. */
export interface PeerContext {
  readonly nodes: NodesSource
  readonly secret: LinkSecret
  readonly clock: Clock
  readonly logger: Logger
  readonly measures: LinkMeasures
  readonly frameBytes: Bytes
  readonly inFlightBytes: Bytes
  readonly waitingBytes: Bytes
  readonly connectMs: Milliseconds
  readonly heartbeatMs: Milliseconds
}

interface Call {
  readonly op: string
  readonly payload: Uint8Array
  readonly bytes: Bytes
  readonly isDelivery: boolean
  readonly startedMs: Milliseconds
  number: number
  timer: Timer | undefined
  resolve(answer: Uint8Array): void
  reject(error: ParlanceError): void
}

const reconnect = { firstMs: 50, maxMs: 2_000 }
const callsInFlight: Count = 4_096
const longestOp: Bytes = 255
const nothing = new Uint8Array()

/**
 * The link to one node: calls that wait, calls that were sent and not answered, and the connection they go over.
 *
 * It lives while there is a connection or something waits for one.
 */
export class NodePeer {
  readonly #name: string
  readonly #context: PeerContext
  readonly #onOver: (peer: NodePeer) => void
  readonly #closing = new AbortController()
  readonly #waiting = new Set<Call>()
  readonly #sent = new Map<number, Call>()
  readonly #acknowledgements: number[] = []
  readonly #living: Promise<void>
  readonly #linkID = drawLinkID()
  #incarnation: string | undefined
  #lastNumber = 0
  #waitingBytes: Bytes = 0
  #sentBytes: Bytes = 0
  #connection: LinkConnection | undefined
  #isWelcome = false
  #isToldMissed = false
  #lastFailure: Error | undefined

  constructor(name: string, context: PeerContext, onOver: (peer: NodePeer) => void) {
    this.#name = name
    this.#context = context
    this.#onOver = onOver
    this.#living = this.#live()
  }

  call(op: string, payload: Uint8Array, timeoutMs: Milliseconds, isDelivery: boolean): Promise<Uint8Array> {
    const { frameBytes, waitingBytes, clock } = this.#context
    const bytes = callHeadBytes(op) + payload.length
    if (Buffer.byteLength(op) > longestOp) throw new InvalidArgumentError(`an op has at most ${longestOp} bytes`)
    if (bytes > frameBytes)
      throw new InvalidArgumentError(
        `a call of ${bytes} bytes does not fit into a frame of ${frameBytes}; send less at once`,
      )
    if (this.#waitingBytes + bytes > waitingBytes) {
      if (isDelivery) this.#tellMissed()
      throw new OverloadedError(
        `${this.#waitingBytes} bytes wait for node ${this.#name} already; it takes them too slowly`,
        {
          details: { node: this.#name, waitingBytes: this.#waitingBytes },
        },
      )
    }
    return new Promise((resolve, reject) => {
      const call: Call = {
        op,
        payload,
        bytes,
        isDelivery,
        startedMs: clock.elapsed(),
        number: 0,
        timer: undefined,
        resolve,
        reject,
      }
      if (timeoutMs !== Number.POSITIVE_INFINITY)
        call.timer = clock.after(timeoutMs, () => this.#giveUp(call, timeoutMs))
      this.#enqueue(call)
    })
  }

  /** Fails what was not answered, and ends the connection. */
  async stop(): Promise<void> {
    this.#closing.abort()
    this.#failAll(() => new ClosedError('the node client was stopped'))
    this.#connection?.destroy(new Error('the node client was stopped'))
    await this.#living
  }

  #enqueue(call: Call): void {
    this.#waiting.add(call)
    this.#waitingBytes += call.bytes
    this.#send()
  }

  async #live(): Promise<void> {
    const { clock } = this.#context
    const { signal } = this.#closing
    // The first call is added behind the constructor.
    await Promise.resolve()
    for (let attempt = 1; !signal.aborted; attempt++) {
      const address = await this.#locate()
      if (signal.aborted) break
      if (address === 'gone') {
        this.#failAll(() => this.#gone())
        break
      }
      if (address !== undefined && (await this.#connect(address))) attempt = 0
      if (this.#isIdle) break
      await pause(clock, backoffMs(attempt + 1, reconnect), signal)
    }
    this.#onOver(this)
  }

  get #isIdle(): boolean {
    return this.#waiting.size === 0 && this.#sent.size === 0
  }

  /** @returns undefined when that cannot be told now, 'gone' when the node is not part of the cluster any more. */
  async #locate(): Promise<string | undefined> {
    try {
      const node = (await this.#context.nodes()).find(({ name }) => name === this.#name)
      const isAnother = this.#incarnation !== undefined && node?.incarnation !== this.#incarnation
      if (node === undefined || isAnother) return 'gone'
      this.#incarnation = node.incarnation
      if (node.address !== '') return node.address
      this.#lastFailure = new Error('it announced no address; give its gateway a link')
    } catch (error) {
      this.#lastFailure = error as Error
    }
    return undefined
  }

  /** Holds a connection until its end. @returns whether the node let us in. */
  async #connect(address: string): Promise<boolean> {
    const { secret, clock, frameBytes, connectMs, heartbeatMs, logger, measures } = this.#context
    const connection = new LinkConnection({
      address,
      incarnation: this.#incarnation!,
      linkID: this.#linkID,
      secret,
      clock,
      frameBytes,
      connectMs,
      heartbeatMs,
      onWelcome: (welcome) => this.#resume(welcome),
      onAnswer: (frame) => this.#answered(frame),
      onDrain: () => this.#send(),
    })
    this.#connection = connection
    const reason = await connection.ended
    const wasWelcome = this.#isWelcome
    this.#connection = undefined
    this.#isWelcome = false
    this.#acknowledgements.length = 0
    this.#lastFailure = reason
    if (this.#closing.signal.aborted) return wasWelcome
    if (wasWelcome) measures.broken.add()
    const fields = { node: this.#name, reason: String(reason) }
    if (reason instanceof LinkProtocolError) logger.warn('a node refused the link, or is none', fields)
    else logger.debug('the link to a node ended', fields)
    return wasWelcome
  }

  /** What the node began before the last connection broke it will answer; what it did not get goes again. */
  #resume({ begun, isKnown }: Welcome): void {
    for (const call of this.#sent.values())
      if (isKnown && call.number > begun) this.#write(call)
      // A host that forgot this link may have begun it or not.
      else if (!isKnown) this.#fail(call, this.#unreachable('unknown', 'it forgot the link'))
    this.#isWelcome = true
    this.#send()
  }

  #send(): void {
    const connection = this.#connection
    if (connection === undefined || !this.#isWelcome) return
    const { inFlightBytes } = this.#context
    for (const call of this.#waiting) {
      if (this.#sent.size >= callsInFlight || connection.waitingBytes > inFlightBytes) return
      if (this.#sentBytes > 0 && this.#sentBytes + call.bytes > inFlightBytes) return
      this.#waiting.delete(call)
      this.#waitingBytes -= call.bytes
      call.number = ++this.#lastNumber
      this.#sent.set(call.number, call)
      this.#sentBytes += call.bytes
      this.#write(call)
    }
  }

  #write({ number, op, payload }: Call): void {
    this.#connection?.write(callFrame(number, op, payload))
  }

  #answered({ kind, body }: Frame): void {
    if (kind !== frameKinds.answer && kind !== frameKinds.failure)
      throw new LinkProtocolError(`a frame of the unknown kind ${kind}`)
    const { number, rest } = readAnswer(body)
    this.#acknowledge(number)
    const call = this.#sent.get(number)
    // Whoever gave it up does not wait any more.
    if (call === undefined) return
    this.#forget(call)
    this.#context.measures.callMs.observe(this.#context.clock.elapsed() - call.startedMs)
    if (kind === frameKinds.answer) call.resolve(rest)
    else call.reject(remoteError(this.#name, call.op, JSON.parse(rest.toString()) as NodeFailure))
    this.#send()
  }

  /** All answers of a turn are acknowledged together. */
  #acknowledge(number: number): void {
    if (this.#acknowledgements.push(number) > 1) return
    setImmediate(() => {
      if (this.#isWelcome) this.#connection?.write(acknowledgementFrame(this.#acknowledgements))
      this.#acknowledgements.length = 0
    })
  }

  #giveUp(call: Call, timeoutMs: Milliseconds): void {
    const wasSent = call.number !== 0
    const why = this.#isWelcome ? 'it is connected and slow' : `no link: ${this.#lastFailure?.message ?? 'connecting'}`
    this.#fail(call, this.#unreachable(wasSent ? 'unknown' : 'not-sent', `no answer within ${timeoutMs} ms; ${why}`))
    this.#send()
  }

  #fail(call: Call, error: ParlanceError): void {
    this.#forget(call)
    this.#context.measures.givenUp.add()
    call.reject(error)
    if (call.isDelivery && error instanceof NodeUnreachableError) this.#tellMissed()
  }

  #forget(call: Call): void {
    call.timer?.cancel()
    if (this.#waiting.delete(call)) this.#waitingBytes -= call.bytes
    else if (this.#sent.delete(call.number)) this.#sentBytes -= call.bytes
  }

  #failAll(error: () => ParlanceError): void {
    for (const call of [...this.#sent.values(), ...this.#waiting]) this.#fail(call, error())
  }

  /** A delivery was given up: the node is told behind everything that goes there now. */
  #tellMissed(): void {
    if (this.#isToldMissed || this.#closing.signal.aborted) return
    this.#isToldMissed = true
    const told = (): void => void (this.#isToldMissed = false)
    const { clock } = this.#context
    const startedMs = clock.elapsed()
    const rest = { number: 0, timer: undefined, isDelivery: true, startedMs, resolve: told, reject: told }
    this.#enqueue({ op: missedOp, payload: nothing, bytes: callHeadBytes(missedOp), ...rest })
  }

  #unreachable(outcome: 'not-sent' | 'unknown', why: string): NodeUnreachableError {
    return new NodeUnreachableError(`node ${this.#name} did not answer: ${why}`, {
      details: { node: this.#name, outcome },
      cause: this.#lastFailure,
    })
  }

  #gone(): NodeGoneError {
    return new NodeGoneError(`node ${this.#name} is not part of the cluster any more`, {
      details: { node: this.#name },
    })
  }
}
