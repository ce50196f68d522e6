import { ProtocolError } from '../protocol-error.ts'

const oneByte = 0x80
const maxCountBytes = 8

/** Reads gob's basic values from a stream, message by message; never beyond the end of the message it is in. */
export class GobCursor {
  readonly #buffer: Buffer
  #position = 0
  #end = 0

  constructor(stream: Buffer) {
    this.#buffer = stream
  }

  /** Bytes left in the message. */
  get remaining(): number {
    return this.#end - this.#position
  }

  /** Goes to the message behind the current one, which must have been read to its end. */
  nextMessage(): void {
    if (this.remaining > 0) throw new ProtocolError('a gob message is longer than what it holds')
    this.#end = this.#buffer.length
    this.#end = this.count() + this.#position
  }

  /** An unsigned number up to 2^53; larger ones are refused. */
  unsigned(): number {
    const first = this.#byte()
    if (first < oneByte) return first
    const count = 0x100 - first
    if (count > maxCountBytes) throw new ProtocolError('a gob number is wider than 64 bits')
    let value = 0
    for (let i = 0; i < count; i++) value = value * 0x100 + this.#byte()
    if (!Number.isSafeInteger(value)) throw new ProtocolError('a gob number is beyond 2^53')
    return value
  }

  /** A signed number: the lowest bit tells that the others are complemented. */
  signed(): number {
    const value = this.unsigned()
    const half = Math.floor(value / 2)
    return value % 2 === 0 ? half : -half - 1
  }

  /** Passes over an unsigned or signed number of any width. */
  skipNumber(): void {
    const first = this.#byte()
    if (first < oneByte) return
    const count = 0x100 - first
    if (count > maxCountBytes) throw new ProtocolError('a gob number is wider than 64 bits')
    this.skip(count)
  }

  /** A length or number of elements: at most what the rest could hold with a byte for each. */
  count(): number {
    const value = this.unsigned()
    if (value > this.remaining) throw new ProtocolError('a gob length reaches beyond its message')
    return value
  }

  string(): string {
    const length = this.count()
    const from = this.#position
    this.#position += length
    return this.#buffer.toString('utf8', from, this.#position)
  }

  /** A view on the buffer, not a copy. */
  bytes(): Buffer {
    const length = this.count()
    const from = this.#position
    this.#position += length
    return this.#buffer.subarray(from, this.#position)
  }

  skip(length: number): void {
    if (length > this.remaining) throw new ProtocolError('a gob value reaches beyond its message')
    this.#position += length
  }

  #byte(): number {
    if (this.#position >= this.#end) throw new ProtocolError('a gob message ends within a value')
    return this.#buffer[this.#position++]!
  }
}
