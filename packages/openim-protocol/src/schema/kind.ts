import type { Reader, Writer } from 'protobufjs/minimal.js'

/** What one decode may still allocate; shared by all messages nested in it. */
export interface Budget {
  elementCount: number
}

/** How values of one protobuf type are read and written; `label` names the field in errors. */
export interface Kind<Out, In = Out> {
  /** 0 for varints, 2 for what starts with its length. */
  readonly wireType: 0 | 2
  /** What a missing field of this type means. */
  zero(): Out
  isZero(value: In): boolean
  /** Reads the value behind a tag. */
  read(reader: Reader, budget: Budget): Out
  /** Writes the value behind a tag. */
  write(writer: Writer, value: In, label: string): void
}
