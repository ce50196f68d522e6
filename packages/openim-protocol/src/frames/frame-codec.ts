import { checkFrame, type Envelope } from './envelope.ts'
import {
  type DecodedFrame,
  type FrameBytes,
  type FrameLimits,
  type FrameReply,
  type FrameRequest,
  replyLimits,
  requestLimits,
} from './frame.ts'
import { gobReply, gobRequest } from './gob-envelope.ts'
import { compress, decompress } from './gzip.ts'
import { answerText } from './heartbeat.ts'
import { jsonReply, jsonRequest } from './json-envelope.ts'

/** How a class of clients writes frames. */
export type FrameCodecName = 'json' | 'json+gzip' | 'gob' | 'gob+gzip'

/** What a client states in its handshake about the frames it writes. */
export interface FrameDialect {
  /** `js` writes JSON, `go` writes gob. */
  readonly sdkType: 'js' | 'go'
  /** `gzip` wraps every binary frame, in both directions. */
  readonly compression?: 'gzip' | undefined
}

/**
 * The server's side of one dialect; fits the gateway's `SessionCodec`.
 *
 * Text messages are heartbeats and answered by the codec; requests come, and replies go, as binary messages.
 */
export interface FrameCodec {
  readonly name: FrameCodecName
  /** Clients that only advance by one per push are closed when they lag; those that fetch gaps themselves lose pushes. */
  readonly slowConsumer: 'drop-pushes' | 'close'
  /** True for clients that send no heartbeat of their own. */
  readonly pings: boolean
  /** @throws {@link ProtocolError} for anything but a well-formed frame within the limits. */
  decode(bytes: Buffer, binary: boolean): DecodedFrame<FrameRequest>
  encode(reply: FrameReply): FrameBytes
}

/** The client's side of one dialect, for tests, tools and load. */
export interface ClientFrameCodec {
  readonly name: FrameCodecName
  encodeRequest(request: FrameRequest): FrameBytes
  /**
   * Reads a binary frame.
   *
   * @throws {@link ProtocolError} for anything but a well-formed frame within the limits.
   */
  decodeReply(bytes: Buffer): FrameReply
}

const nameOf = ({ sdkType, compression }: FrameDialect): FrameCodecName => {
  const envelope = sdkType === 'js' ? 'json' : 'gob'
  return compression === undefined ? envelope : `${envelope}+gzip`
}

const packer = ({ compression }: FrameDialect, limits: FrameLimits) => ({
  pack: <Frame>(envelope: Envelope<Frame>, frame: Frame): FrameBytes => {
    const plain = envelope.encode(frame)
    return { bytes: compression === undefined ? plain : compress(plain), binary: true }
  },
  unpack: <Frame extends FrameRequest | FrameReply>(envelope: Envelope<Frame>, bytes: Buffer): Frame => {
    const plain = compression === undefined ? bytes : decompress(bytes, limits.maxInflatedBytes)
    return checkFrame(envelope.decode(plain), limits)
  },
})

/** Makes the server's codec for a dialect. It keeps no state: one serves any number of connections. */
export function frameCodec(dialect: FrameDialect & { readonly limits?: Partial<FrameLimits> }): FrameCodec {
  const limits = { ...requestLimits, ...dialect.limits }
  const { pack, unpack } = packer(dialect, limits)
  const isJson = dialect.sdkType === 'js'
  const request = isJson ? jsonRequest : gobRequest
  const reply = isJson ? jsonReply : gobReply
  return {
    name: nameOf(dialect),
    slowConsumer: isJson ? 'close' : 'drop-pushes',
    pings: !isJson,
    decode(bytes, binary) {
      if (binary) return { kind: 'message', message: unpack(request, bytes) }
      const answer = answerText(bytes, limits.maxControlBytes)
      return answer === undefined ? { kind: 'control' } : { kind: 'control', reply: answer }
    },
    encode: (message) => pack(reply, message),
  }
}

/** Makes the client's codec for a dialect. */
export function clientFrameCodec(dialect: FrameDialect & { readonly limits?: Partial<FrameLimits> }): ClientFrameCodec {
  const { pack, unpack } = packer(dialect, { ...replyLimits, ...dialect.limits })
  const isJson = dialect.sdkType === 'js'
  return {
    name: nameOf(dialect),
    encodeRequest: (message) => pack(isJson ? jsonRequest : gobRequest, message),
    decodeReply: (bytes) => unpack(isJson ? jsonReply : gobReply, bytes),
  }
}
