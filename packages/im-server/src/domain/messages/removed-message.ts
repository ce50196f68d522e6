import type { Entry } from '@parlance/cached-repository'
import { messageStatus, MsgData, notificationContent, notificationTypes } from '@parlance/openim-protocol'
import type { Message } from '../../entities/message.ts'
import type { MessageMark } from '../../entities/message-marks.ts'

type Revocation = Extract<MessageMark, { readonly kind: 'revoked' }>

/** What stands in a revoked message's place: who revoked what, and nothing of what it said. */
export function revoked({ seq, row }: Entry<Message>, by: Revocation): Entry<Message> {
  const { body } = row
  const content = notificationContent({
    revokerID: by.userID,
    revokerRole: by.roleLevel,
    clientMsgID: body.clientMsgID,
    revokerNickname: by.nickname,
    revokeTime: by.atMs,
    sourceMessageSendTime: body.sendTime,
    sourceMessageSendID: body.sendID,
    sourceMessageSenderNickname: body.senderNickname,
    sessionType: body.sessionType,
    seq,
    ex: '',
    isAdminRevoke: by.isAdmin,
  })
  return entryOf(seq, {
    ...body,
    contentType: notificationTypes.msgRevoke,
    content,
    attachedInfo: '',
    ex: '',
    atUserIDList: [],
    offlinePushInfo: undefined,
  })
}

/** What stands in a deleted message's place: its number keeps the count, its ids let clients find their copy. */
export function deleted({ seq, row }: Entry<Message>): Entry<Message> {
  const { clientMsgID, serverMsgID, sendID, recvID, groupID, sessionType, contentType, sendTime, createTime } = row.body
  return entryOf(seq, {
    ...MsgData.zero(),
    clientMsgID,
    serverMsgID,
    sendID,
    recvID,
    groupID,
    sessionType,
    contentType,
    sendTime,
    createTime,
    status: messageStatus.deleted,
  })
}

const entryOf = (seq: number, body: MsgData): Entry<Message> => ({
  seq,
  bytes: MsgData.encode({ ...body, seq: 0 }),
  row: { body: { ...body, seq } },
})
