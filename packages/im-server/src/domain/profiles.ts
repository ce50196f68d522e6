import type { Conversation as WireConversation, FriendInfoOnly, GroupInfo, UserInfo } from '@parlance/openim-protocol'
import type { Conversation } from '../entities/conversation.ts'
import type { Friend } from '../entities/friend.ts'
import type { Group } from '../entities/group.ts'
import type { GroupMember } from '../entities/group-member.ts'
import type { User } from '../entities/user.ts'

/** A member of a group as clients see it. */
export interface GroupMemberInfo {
  readonly groupID: string
  readonly userID: string
  readonly roleLevel: number
  readonly joinTime: number
  readonly nickname: string
  readonly faceURL: string
  readonly appMangerLevel: number
  readonly joinSource: number
  readonly operatorUserID: string
  readonly ex: string
  readonly muteEndTime: number
  readonly inviterUserID: string
}

/** A friend as clients see it. */
export interface FriendInfo {
  readonly ownerUserID: string
  readonly remark: string
  readonly createTime: number
  readonly friendUser: UserInfo
  readonly addSource: number
  readonly operatorUserID: string
  readonly ex: string
  readonly isPinned: boolean
}

/** A user's profile on the wire. */
export const userInfo = (user: Readonly<User>): UserInfo => ({
  userID: user.userID,
  nickname: user.nickname,
  faceURL: user.faceURL,
  ex: user.ex,
  createTime: user.createTime.getTime(),
  appMangerLevel: user.appMangerLevel,
  globalRecvMsgOpt: user.globalRecvMsgOpt,
})

/** A group's card on the wire. */
export const groupInfo = (group: Readonly<Group>, ownerUserID: string, memberCount: number): GroupInfo => ({
  groupID: group.groupID,
  groupName: group.groupName,
  notification: group.notification,
  introduction: group.introduction,
  faceURL: group.faceURL,
  ownerUserID,
  createTime: group.createTime.getTime(),
  memberCount,
  ex: group.ex,
  status: group.status,
  creatorUserID: group.creatorUserID,
  groupType: group.groupType,
  needVerification: group.needVerification,
  lookMemberInfo: group.lookMemberInfo,
  applyMemberFriend: group.applyMemberFriend,
  notificationUpdateTime: group.notificationUpdateTime.getTime(),
  notificationUserID: group.notificationUserID,
})

/** A member on the wire; what the member did not set for this group comes from the user's profile. */
export const memberInfo = (member: Readonly<GroupMember>, user: Readonly<User> | undefined): GroupMemberInfo => ({
  groupID: member.groupID,
  userID: member.userID,
  roleLevel: member.roleLevel,
  joinTime: member.joinTime.getTime(),
  nickname: member.nickname || (user?.nickname ?? ''),
  faceURL: member.faceURL || (user?.faceURL ?? ''),
  appMangerLevel: user?.appMangerLevel ?? 0,
  joinSource: member.joinSource,
  operatorUserID: member.operatorUserID,
  ex: member.ex,
  muteEndTime: member.muteEndTime.getTime(),
  inviterUserID: member.inviterUserID,
})

/** A friend on the wire. */
export const friendInfo = (friend: Readonly<Friend>, user: Readonly<User>): FriendInfo => ({
  ownerUserID: friend.ownerUserID,
  remark: friend.remark,
  createTime: friend.createTime.getTime(),
  friendUser: userInfo(user),
  addSource: friend.addSource,
  operatorUserID: friend.operatorUserID,
  ex: friend.ex,
  isPinned: friend.isPinned,
})

/** A friend on the wire, without the friend's profile. */
export const friendInfoOnly = (friend: Readonly<Friend>): FriendInfoOnly => ({
  ownerUserID: friend.ownerUserID,
  friendUserID: friend.friendUserID,
  remark: friend.remark,
  createTime: friend.createTime.getTime(),
  addSource: friend.addSource,
  operatorUserID: friend.operatorUserID,
  ex: friend.ex,
  isPinned: friend.isPinned,
})

/** A conversation on the wire. */
export const conversationInfo = (conversation: Readonly<Conversation>): WireConversation => ({
  ownerUserID: conversation.ownerUserID,
  conversationID: conversation.conversationID,
  recvMsgOpt: conversation.recvMsgOpt,
  conversationType: conversation.conversationType,
  userID: conversation.userID,
  groupID: conversation.groupID,
  isPinned: conversation.isPinned,
  attachedInfo: conversation.attachedInfo,
  isPrivateChat: conversation.isPrivateChat,
  groupAtType: conversation.groupAtType,
  ex: conversation.ex,
  burnDuration: conversation.burnDuration,
  minSeq: conversation.minSeq,
  maxSeq: conversation.maxSeq,
  msgDestructTime: 0,
  latestMsgDestructTime: 0,
  isMsgDestruct: false,
})
