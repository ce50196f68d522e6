import { ProtocolError, toProtocolError } from '../protocol-error.ts'

/** The content of a notification: its tips as JSON within JSON, in UTF-8. */
export const notificationContent = (tips: object): Buffer =>
  Buffer.from(JSON.stringify({ detail: JSON.stringify(tips) }))

/**
 * Reads the tips out of a notification's content.
 *
 * @throws {@link ProtocolError} when the content is not JSON, or its detail is not a JSON object.
 */
export function notificationTips(content: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const outer: unknown = JSON.parse(Buffer.from(content).toString())
    if (typeof outer !== 'object' || outer === null || !('detail' in outer) || typeof outer.detail !== 'string') {
      throw new ProtocolError('notification content has no detail text')
    }
    const tips: unknown = JSON.parse(outer.detail)
    if (typeof tips !== 'object' || tips === null || Array.isArray(tips)) {
      throw new ProtocolError('the detail of a notification is not an object')
    }
    return tips as Readonly<Record<string, unknown>>
  } catch (cause) {
    throw toProtocolError('notification content', cause)
  }
}
