import { randomBytes } from 'node:crypto'
import { contentTypes, msgFrom, type MsgData, sessionTypes } from '@parlance/openim-protocol'
import { z } from 'zod'
import { flag, id, int, optionalID, optionalInt, optionalSeq, text } from './fields.ts'

const clientMsgIDBytes = 16
const anyObject = z.record(z.string(), z.unknown(), 'must be an object')

/** What the content of a kind of message must have; clients show nothing without it. */
const contents: ReadonlyMap<number, z.ZodType<Record<string, unknown>>> = new Map<
  number,
  z.ZodType<Record<string, unknown>>
>([
  [contentTypes.text, z.looseObject({ content: z.string('must be a string') })],
  [contentTypes.picture, anyObject],
  [contentTypes.voice, anyObject],
  [contentTypes.video, anyObject],
  [contentTypes.file, anyObject],
  [
    contentTypes.atText,
    z.looseObject({ text: z.string('must be a string'), atUserList: z.array(id, 'must be a list of ids') }),
  ],
  [contentTypes.custom, z.looseObject({ data: z.string('must be a string') })],
  [contentTypes.markdownText, z.looseObject({ content: z.string('must be a string') })],
])

const offlinePushInfo = z.object(
  { title: text(256), desc: text(1024), ex: text(4096), iOSPushSound: text(256), iOSBadgeCount: flag },
  'must be an object',
)

/** What is said of a message, whoever gets it. */
export const messageFields = {
  sendID: id,
  senderNickname: text(256),
  senderFaceURL: text(1024),
  senderPlatformID: optionalInt(0, 11),
  content: anyObject,
  contentType: int(1),
  sessionType: int(1),
  isOnlineOnly: flag,
  notOfflinePush: flag,
  sendTime: optionalSeq,
  offlinePushInfo: offlinePushInfo.nullish(),
  ex: text(4096),
}

/** Refuses content that clients cannot show. */
export function checkContent(
  { contentType, content: given }: { readonly contentType: number; readonly content: object },
  context: z.RefinementCtx,
): void {
  const content = contents.get(contentType)
  const refuse = (path: readonly PropertyKey[], message: string): void =>
    context.addIssue({ code: 'custom', path: [...path], message })
  if (content === undefined) refuse(['contentType'], `must be one of ${[...contents.keys()].join(', ')}`)
  else
    for (const issue of content.safeParse(given).error?.issues ?? []) refuse(['content', ...issue.path], issue.message)
}

/**
 * What an administrator sends, as anybody, to a user or a group. `senderPlatformID` 0 is the administrator's own platform.
 *
 * `sendTime` is taken and has no effect, since back ends of OpenIM send it: a message's time is when the server takes it.
 */
export const sendMessageBody = z
  .object({
    ...messageFields,
    recvID: optionalID,
    groupID: optionalID,
  })
  .superRefine((body, context) => {
    const refuse = (path: readonly PropertyKey[], message: string): void =>
      context.addIssue({ code: 'custom', path: [...path], message })
    checkContent(body, context)
    if (body.sessionType === sessionTypes.single) {
      if (body.recvID === '') refuse(['recvID'], 'must not be empty when sessionType is 1')
    } else if (body.sessionType === sessionTypes.group) {
      if (body.groupID === '') refuse(['groupID'], 'must not be empty when sessionType is 3')
    } else refuse(['sessionType'], 'must be 1 for a single chat or 3 for a group')
  })

/** The same, checked. */
export type SendMessageBody = z.infer<typeof sendMessageBody>

const onlineOnly = { history: false, persistent: false, senderSync: false, conversationUpdate: false }

/** The message that an administrator's request stands for; its time is set when it is sent. */
export function toMessage(body: SendMessageBody, createTime: number): MsgData {
  const isSingle = body.sessionType === sessionTypes.single
  const { content, offlinePushInfo: push } = body
  const mentioned = body.contentType === contentTypes.atText ? content['atUserList'] : []
  return {
    sendID: body.sendID,
    recvID: isSingle ? body.recvID : '',
    groupID: isSingle ? '' : body.groupID,
    clientMsgID: randomBytes(clientMsgIDBytes).toString('hex'),
    serverMsgID: '',
    senderPlatformID: body.senderPlatformID,
    senderNickname: body.senderNickname,
    senderFaceURL: body.senderFaceURL,
    sessionType: body.sessionType,
    msgFrom: msgFrom.system,
    contentType: body.contentType,
    content: Buffer.from(JSON.stringify(content)),
    seq: 0,
    sendTime: 0,
    createTime,
    status: 0,
    isRead: false,
    options: { ...(body.isOnlineOnly ? onlineOnly : {}), ...(body.notOfflinePush ? { offlinePush: false } : {}) },
    offlinePushInfo: push === undefined || push === null ? undefined : { ...push, signalInfo: '' },
    atUserIDList: mentioned as string[],
    attachedInfo: '',
    ex: body.ex,
  }
}
