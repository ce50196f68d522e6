/** Bytes ready to be sent as one WebSocket message. */
export interface EncodedMessage {
  readonly bytes: Uint8Array
  readonly binary: boolean
}

/** What one received WebSocket message turned out to be. */
export type Decoded<In> =
  /** A request for the application. */
  | { readonly kind: 'message'; readonly message: In }
  /** Something the codec answers by itself (an application-level ping), or ignores when there is no reply. */
  | { readonly kind: 'control'; readonly reply?: EncodedMessage }

/** What a connection does when it cannot keep up with what is pushed to it. */
export type SlowConsumerPolicy = 'drop-pushes' | 'close'

/**
 * How one class of clients writes messages. Messages for many receivers are encoded once per codec.
 *
 * `decode` throws on input it cannot accept; the connection is then closed with the protocol-error code. It must bound what
 * it allocates (an inflated frame, a long list) by itself.
 */
export interface SessionCodec<In, Out> {
  /** Names the class, for example `json` or `gob+gzip`; unique within a gateway. */
  readonly name: string
  readonly slowConsumer: SlowConsumerPolicy
  /** True when the server shall send protocol pings on idle connections of this class. */
  readonly pings: boolean
  decode(bytes: Buffer, binary: boolean): Decoded<In>
  encode(message: Out): EncodedMessage
}
