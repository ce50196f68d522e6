import type { MsgData } from '@parlance/openim-protocol'

/** A message as JSON answers show it: the content's bytes in base64, as Go writes bytes. */
export const jsonMessage = ({ content, ...message }: MsgData): object => ({
  ...message,
  content: Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString('base64'),
})
