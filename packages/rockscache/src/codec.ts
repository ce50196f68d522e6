/** How values become bytes in the shared cache, and values again. A value comes back as `decode` makes it, from the first fetch on. */
export interface Codec<T> {
  encode(value: T): Uint8Array
  /** The bytes belong to the cache: read them, do not change or keep them. */
  decode(bytes: Uint8Array): T
}

/** JSON in UTF-8. What JSON cannot carry (`Date`, `Map`, `bigint`, `undefined` members) comes back as JSON has it, or is refused. */
export function jsonCodec<T>(): Codec<T> {
  return json as Codec<T>
}

const json: Codec<unknown> = {
  encode(value) {
    const text = JSON.stringify(value) as string | undefined
    if (text === undefined) throw new TypeError(`JSON has no form for a ${typeof value}`)
    return Buffer.from(text)
  },
  decode: (bytes) => JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()) as unknown,
}
