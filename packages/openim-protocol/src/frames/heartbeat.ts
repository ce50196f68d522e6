import { ProtocolError, toProtocolError } from '../protocol-error.ts'
import type { FrameBytes } from './frame.ts'

const textFrame = (value: object): FrameBytes => ({ bytes: Buffer.from(JSON.stringify(value)), binary: false })

/** The ping that SDKs send as a text message. */
export const textPing: FrameBytes = textFrame({ type: 'ping' })

const bodylessPong = textFrame({ type: 'pong' })

/**
 * Answers a text message: a ping with a pong that carries the ping's body, a pong with nothing.
 *
 * @throws {@link ProtocolError} for any other text; clients send none.
 */
export function answerText(bytes: Buffer, maxControlBytes: number): FrameBytes | undefined {
  if (bytes.length > maxControlBytes) throw new ProtocolError(`a text frame is longer than ${maxControlBytes} bytes`)
  try {
    const control: unknown = JSON.parse(bytes.toString('utf8'))
    const type = typeof control === 'object' && control !== null && 'type' in control ? control.type : undefined
    if (type === 'pong') return undefined
    if (type !== 'ping')
      throw new ProtocolError('a text frame is neither ping nor pong; send requests as binary frames')
    const body = (control as { readonly body?: unknown }).body
    return body === undefined ? bodylessPong : textFrame({ type: 'pong', body })
  } catch (cause) {
    throw toProtocolError('text frame', cause)
  }
}
