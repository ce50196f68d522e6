import type { Black } from '../entities/black.ts'
import type { FriendRequest } from '../entities/friend-request.ts'
import type { User } from '../entities/user.ts'

/** What everybody may know of a user. */
export interface PublicUserInfo {
  readonly userID: string
  readonly nickname: string
  readonly faceURL: string
  readonly ex: string
}

/** A friend request as clients see it. */
export interface FriendRequestInfo {
  readonly fromUserID: string
  readonly fromNickname: string
  readonly fromFaceURL: string
  readonly toUserID: string
  readonly toNickname: string
  readonly toFaceURL: string
  readonly handleResult: number
  readonly reqMsg: string
  readonly createTime: number
  readonly handlerUserID: string
  readonly handleMsg: string
  readonly handleTime: number
  readonly ex: string
}

/** A blocked user as clients see it. */
export interface BlackInfo {
  readonly ownerUserID: string
  readonly createTime: number
  readonly blackUserInfo: PublicUserInfo
  readonly addSource: number
  readonly operatorUserID: string
  readonly ex: string
}

/** The public part of a profile. */
export const publicUserInfo = ({ userID, nickname, faceURL, ex }: Readonly<User>): PublicUserInfo => ({
  userID,
  nickname,
  faceURL,
  ex,
})

/** A friend request on the wire, with the names and faces of both. */
export function friendRequestInfo(
  request: Readonly<FriendRequest>,
  users: ReadonlyMap<string, Readonly<User>>,
): FriendRequestInfo {
  const from = users.get(request.fromUserID)
  const to = users.get(request.toUserID)
  return {
    fromUserID: request.fromUserID,
    fromNickname: from?.nickname ?? '',
    fromFaceURL: from?.faceURL ?? '',
    toUserID: request.toUserID,
    toNickname: to?.nickname ?? '',
    toFaceURL: to?.faceURL ?? '',
    handleResult: request.handleResult,
    reqMsg: request.reqMsg,
    createTime: request.createTime.getTime(),
    handlerUserID: request.handlerUserID,
    handleMsg: request.handleMsg,
    handleTime: request.handleTime.getTime(),
    ex: request.ex,
  }
}

/** A blocked user on the wire. */
export const blackInfo = (black: Readonly<Black>, user: Readonly<User>): BlackInfo => ({
  ownerUserID: black.ownerUserID,
  createTime: black.createTime.getTime(),
  blackUserInfo: publicUserInfo(user),
  addSource: black.addSource,
  operatorUserID: black.operatorUserID,
  ex: black.ex,
})
