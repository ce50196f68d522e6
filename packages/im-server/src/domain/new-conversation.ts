import { conversationTypes, receiveOptions } from '@parlance/openim-protocol'
import type { Conversation } from '../entities/conversation.ts'

/** What tells one new conversation from another: its owner, its id, and the peer or the group. */
export type ConversationSubject = Pick<
  Conversation,
  'ownerUserID' | 'conversationID' | 'userID' | 'groupID' | 'createTime'
>

/** A conversation as it begins, nothing set: with the user it names, else with the group. */
export const newConversation = (subject: ConversationSubject): Conversation => ({
  ...subject,
  conversationType: subject.userID === '' ? conversationTypes.group : conversationTypes.single,
  recvMsgOpt: receiveOptions.receive,
  isPinned: false,
  isPrivateChat: false,
  burnDuration: 0,
  groupAtType: 0,
  attachedInfo: '',
  ex: '',
  minSeq: 0,
  maxSeq: 0,
  isDeleted: false,
})
