const varintWireType = 0
const delimitedWireType = 2

/** Writes the few protobuf fields a send request needs; for set-up, not for the hot path. */
export class ProtobufWriter {
  readonly #parts: Buffer[] = []

  /** Appends a whole, non-negative number. */
  number(field: number, value: number): this {
    this.#parts.push(varint(field * 8 + varintWireType), varint(value))
    return this
  }

  /** Appends UTF-8 text. */
  text(field: number, value: string): this {
    return this.bytes(field, Buffer.from(value))
  }

  /** Appends bytes, or a message that is already encoded. */
  bytes(field: number, value: Buffer): this {
    this.#parts.push(varint(field * 8 + delimitedWireType), varint(value.length), value)
    return this
  }

  /** The message so far. */
  finish(): Buffer {
    return Buffer.concat(this.#parts)
  }
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  while (rest > 127) {
    bytes.push((rest % 128) | 128)
    rest = Math.floor(rest / 128)
  }
  bytes.push(rest)
  return Buffer.from(bytes)
}
