import { ParlanceError } from '@parlance/core'

/**
 * Bytes from outside are not what OpenIM's wire allows, or a value cannot be put on that wire.
 *
 * Every decoder of this package throws this error and no other, whatever it is fed.
 */
export class ProtocolError extends ParlanceError {
  static override readonly code = 'OPENIM_PROTOCOL'
}

/** Passes a {@link ProtocolError} on and turns everything else that a decoder met into one. */
export function toProtocolError(what: string, cause: unknown): ProtocolError {
  if (cause instanceof ProtocolError) return cause
  const detail = cause instanceof Error ? cause.message : String(cause)
  return new ProtocolError(`${what} is malformed: ${detail}`, { cause })
}
