/** What a client asks over its connection. */
export interface FrameRequest {
  /** `reqIdentifier` on the wire, one of `opCodes`. */
  readonly op: number
  readonly token: string
  readonly sendID: string
  readonly operationID: string
  /** Names the request within its connection; the reply carries it back. */
  readonly msgIncr: string
  /** Protobuf; which message, the op tells. */
  readonly data: Uint8Array
}

/** What the server answers or pushes. A push has an empty `msgIncr`. */
export interface FrameReply {
  readonly op: number
  readonly msgIncr: string
  readonly operationID: string
  /** 0 for success, else one of `errorCodes`. */
  readonly errCode: number
  readonly errMsg: string
  readonly data: Uint8Array
}

/** Bytes of one WebSocket message. */
export interface FrameBytes {
  readonly bytes: Buffer
  readonly binary: boolean
}

/** What a received WebSocket message is: a frame, or something that the codec answers by itself. */
export type DecodedFrame<Frame> =
  | { readonly kind: 'message'; readonly message: Frame }
  | { readonly kind: 'control'; readonly reply?: FrameBytes }

/** Bounds of decoding, against frames made to hurt. */
export interface FrameLimits {
  /** What a gzipped frame may inflate to. */
  readonly maxInflatedBytes: number
  /** UTF-16 units in each text field of a frame. */
  readonly maxTextLength: number
  /** Size of a text message (ping and pong). */
  readonly maxControlBytes: number
}

/** Limits for what clients send. */
export const requestLimits: FrameLimits = { maxInflatedBytes: 256 * 1024, maxTextLength: 4096, maxControlBytes: 4096 }

/** Limits for what a server sends: pulls are long. */
export const replyLimits: FrameLimits = {
  maxInflatedBytes: 32 * 1024 * 1024,
  maxTextLength: 4096,
  maxControlBytes: 4096,
}
