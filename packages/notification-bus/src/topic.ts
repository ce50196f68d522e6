/** Turns a topic's messages into bytes and back; `decode` throws on what it cannot accept. */
export interface TopicSchema<T> {
  encode(message: T): Uint8Array
  decode(bytes: Uint8Array): T
}

/** A named, typed stream of messages; messages with the same key are consumed in order. */
export interface Topic<T> {
  readonly name: string
  readonly schema: TopicSchema<T>
  key(message: T): string
}

/** Declares a topic. Names are dotted and lower case, for example `order.paid`. */
export function topic<T>(name: string, declaration: { schema: TopicSchema<T>; key: (message: T) => string }): Topic<T> {
  return { name, schema: declaration.schema, key: declaration.key }
}

/** A schema that writes JSON; `check` narrows what was read and throws when it is something else. */
export function json<T>(check: (value: unknown) => T): TopicSchema<T> {
  const encoder = new TextEncoder()
  const decoder = new TextDecoder('utf-8', { fatal: true })
  return {
    encode: (message) => encoder.encode(JSON.stringify(message)),
    decode: (bytes) => check(JSON.parse(decoder.decode(bytes))),
  }
}
