const acknowledgedFlag = 1
const refusedFlag = 2
const answeredFlags = acknowledgedFlag | refusedFlag
const abandonedFlag = 4

/** What a ledger expects of every message. */
export interface DeliveryExpectation {
  /** How many receivers there are. */
  readonly receiverCount: number
  /** `one`: a message is due at the receiver named when it is sent. `all`: at every receiver. */
  readonly fanOut: 'one' | 'all'
  /** Room made at the start; more is made when needed. */
  readonly expectedMessageCount?: number
}

/** What became of all messages; everything but the first three lines should be zero. */
export interface DeliveryReport {
  readonly sentCount: number
  readonly acknowledgedCount: number
  readonly deliveredCount: number
  /** Sends the server answered with an error code. */
  readonly refusedCount: number
  /** Sends that never got an answer. */
  readonly unansweredCount: number
  /** Deliveries still due for messages the server had acknowledged: lost. */
  readonly lostCount: number
  /** Deliveries of a message to a receiver that had it already. */
  readonly duplicateCount: number
  /** Deliveries whose seq is not above the one the receiver saw before. */
  readonly seqReorderedCount: number
  /** Deliveries that overtook an earlier message of the same sender. */
  readonly sendOrderBrokenCount: number
  /** Seqs a receiver never saw although it saw one above. */
  readonly seqGapCount: number
  /** Messages at a receiver they were not meant for, or with a number nobody sent. */
  readonly strayCount: number
}

/**
 * Follows every message by its number from send to acknowledgement and to each delivery.
 *
 * All state is in typed arrays: one bit per due delivery, so nothing is sampled and nothing allocated per message.
 * A receiver hears one sender and one stream of seqs; both workloads are made that way.
 */
export class DeliveryLedger {
  readonly #receiverCount: number
  readonly #dueCount: number
  readonly #lastSeq: Float64Array
  readonly #seqCount: Float64Array
  readonly #firstSeq: Float64Array
  readonly #lastNumber: Float64Array
  #capacity: number
  #sentAtMs: Float64Array
  #flags: Uint8Array
  #receiver: Uint16Array
  #deliveries: Uint16Array
  #delivered: Uint8Array
  #sent = 0
  #unsettled = 0
  #oldest = 0
  #acknowledged = 0
  #refused = 0
  #deliveredTotal = 0
  #duplicates = 0
  #seqReordered = 0
  #sendOrderBroken = 0
  #strays = 0

  constructor({ receiverCount, fanOut, expectedMessageCount = 65_536 }: DeliveryExpectation) {
    this.#receiverCount = receiverCount
    this.#dueCount = fanOut === 'one' ? 1 : receiverCount
    this.#lastSeq = new Float64Array(receiverCount).fill(-1)
    this.#firstSeq = new Float64Array(receiverCount)
    this.#seqCount = new Float64Array(receiverCount)
    this.#lastNumber = new Float64Array(receiverCount).fill(-1)
    this.#capacity = expectedMessageCount
    this.#sentAtMs = new Float64Array(this.#capacity)
    this.#flags = new Uint8Array(this.#capacity)
    this.#receiver = new Uint16Array(this.#capacity)
    this.#deliveries = new Uint16Array(this.#capacity)
    this.#delivered = new Uint8Array(Math.ceil((this.#capacity * this.#dueCount) / 8))
  }

  /** Messages sent so far; also the number of the next one. */
  get sentCount(): number {
    return this.#sent
  }

  /** Records a send and returns the message's number. `receiver` is only looked at when one receiver is due. */
  send(atMs: number, receiver: number): number {
    if (this.#sent === this.#capacity) this.#grow()
    const number = this.#sent
    this.#sent += 1
    this.#unsettled += 1
    this.#sentAtMs[number] = atMs
    this.#receiver[number] = receiver
    return number
  }

  /** When the message was sent, or due to be sent. */
  sentAtMs(number: number): number {
    return this.#sentAtMs[number]!
  }

  /** The receiver named when the message was sent. */
  receiverOf(number: number): number {
    return this.#receiver[number]!
  }

  /** Records an acknowledgement. False when the number is unknown or was answered before. */
  acknowledge(number: number): boolean {
    if (!this.#answer(number, acknowledgedFlag)) return false
    this.#acknowledged += 1
    if (this.isSettled(number)) this.#unsettled -= 1
    return true
  }

  /** Records a refusal. False when the number is unknown or was answered before. */
  refuse(number: number): boolean {
    if (!this.#answer(number, refusedFlag)) return false
    this.#refused += 1
    this.#unsettled -= 1
    return true
  }

  /** Records a delivery. False when it is a stray or a duplicate. */
  deliver(number: number, receiver: number, seq: number): boolean {
    if (number < 0 || number >= this.#sent || (this.#dueCount === 1 && this.#receiver[number] !== receiver)) {
      this.#strays += 1
      return false
    }
    const bit = number * this.#dueCount + (this.#dueCount === 1 ? 0 : receiver)
    const mask = 1 << (bit & 7)
    const byte = Math.floor(bit / 8)
    if ((this.#delivered[byte]! & mask) !== 0) {
      this.#duplicates += 1
      return false
    }
    this.#delivered[byte] = this.#delivered[byte]! | mask
    this.#deliveries[number] = this.#deliveries[number]! + 1
    this.#deliveredTotal += 1
    if ((this.#flags[number]! & acknowledgedFlag) !== 0 && this.isSettled(number)) this.#unsettled -= 1
    this.#order(number, receiver, seq)
    return true
  }

  /** True when the message was answered and reached everyone it was due at. */
  isSettled(number: number): boolean {
    const flags = this.#flags[number]!
    if ((flags & acknowledgedFlag) === 0) return (flags & refusedFlag) !== 0
    return this.#deliveries[number] === this.#dueCount
  }

  /** True when the server acknowledged or refused the message. */
  isAnswered(number: number): boolean {
    return (this.#flags[number]! & answeredFlags) !== 0
  }

  /** True when {@link abandon} gave the message up, whatever happened afterwards. */
  isAbandoned(number: number): boolean {
    return (this.#flags[number]! & abandonedFlag) !== 0
  }

  /** True when nothing sent is waiting for its answer or a delivery, given up or not. */
  get isAllSettled(): boolean {
    return this.#unsettled === 0
  }

  /** Gives up on unsettled messages sent before `beforeMs`; each is reported once. What still arrives counts as usual. */
  abandon(beforeMs: number, onAbandoned: (number: number) => void): void {
    this.#advance()
    for (let number = this.#oldest; number < this.#sent && this.#sentAtMs[number]! < beforeMs; number += 1) {
      if (this.#isDone(number)) continue
      this.#flags[number] = this.#flags[number]! | abandonedFlag
      onAbandoned(number)
    }
  }

  /** Adds everything up. */
  report(): DeliveryReport {
    let lostCount = 0
    for (let number = 0; number < this.#sent; number += 1) {
      if ((this.#flags[number]! & acknowledgedFlag) !== 0) lostCount += this.#dueCount - this.#deliveries[number]!
    }
    let seqGapCount = 0
    for (let receiver = 0; receiver < this.#receiverCount; receiver += 1) {
      if (this.#seqCount[receiver] === 0) continue
      seqGapCount += this.#lastSeq[receiver]! - this.#firstSeq[receiver]! + 1 - this.#seqCount[receiver]!
    }
    return {
      sentCount: this.#sent,
      acknowledgedCount: this.#acknowledged,
      deliveredCount: this.#deliveredTotal,
      refusedCount: this.#refused,
      unansweredCount: this.#sent - this.#acknowledged - this.#refused,
      lostCount,
      duplicateCount: this.#duplicates,
      seqReorderedCount: this.#seqReordered,
      sendOrderBrokenCount: this.#sendOrderBroken,
      seqGapCount,
      strayCount: this.#strays,
    }
  }

  #answer(number: number, flag: number): boolean {
    if (number < 0 || number >= this.#sent || this.isAnswered(number)) return false
    this.#flags[number] = this.#flags[number]! | flag
    return true
  }

  #order(number: number, receiver: number, seq: number): void {
    if (number > this.#lastNumber[receiver]!) this.#lastNumber[receiver] = number
    else this.#sendOrderBroken += 1
    if (this.#seqCount[receiver] === 0 || seq < this.#firstSeq[receiver]!) this.#firstSeq[receiver] = seq
    this.#seqCount[receiver] = this.#seqCount[receiver]! + 1
    if (seq > this.#lastSeq[receiver]!) this.#lastSeq[receiver] = seq
    else this.#seqReordered += 1
  }

  #isDone(number: number): boolean {
    return this.isAbandoned(number) || this.isSettled(number)
  }

  #advance(): void {
    while (this.#oldest < this.#sent && this.#isDone(this.#oldest)) this.#oldest += 1
  }

  #grow(): void {
    this.#capacity *= 2
    this.#sentAtMs = enlarge(this.#sentAtMs, new Float64Array(this.#capacity))
    this.#flags = enlarge(this.#flags, new Uint8Array(this.#capacity))
    this.#receiver = enlarge(this.#receiver, new Uint16Array(this.#capacity))
    this.#deliveries = enlarge(this.#deliveries, new Uint16Array(this.#capacity))
    this.#delivered = enlarge(this.#delivered, new Uint8Array(Math.ceil((this.#capacity * this.#dueCount) / 8)))
  }
}

function enlarge<T extends Float64Array | Uint16Array | Uint8Array>(from: T, to: T): T {
  to.set(from)
  return to
}
