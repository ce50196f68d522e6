import type { GroupInfo } from '@parlance/openim-protocol'
import type { GroupRequest } from '../entities/group-request.ts'
import type { User } from '../entities/user.ts'

/** An application for a group as clients see it. */
export interface GroupRequestInfo {
  readonly userInfo: {
    readonly userID: string
    readonly nickname: string
    readonly faceURL: string
    readonly ex: string
  }
  readonly groupInfo: GroupInfo | undefined
  readonly handleResult: number
  readonly reqMsg: string
  readonly handleMsg: string
  readonly reqTime: number
  readonly handleUserID: string
  readonly handleTime: number
  readonly ex: string
  readonly joinSource: number
  readonly inviterUserID: string
}

/** An application on the wire, with the profile of who wants to join. */
export function groupRequestInfo(
  request: Readonly<GroupRequest>,
  groupInfo: GroupInfo | undefined,
  users: ReadonlyMap<string, Readonly<User>>,
): GroupRequestInfo {
  const { userID } = request
  const { nickname = '', faceURL = '', ex = '' } = users.get(userID) ?? {}
  return {
    userInfo: { userID, nickname, faceURL, ex },
    groupInfo,
    handleResult: request.handleResult,
    reqMsg: request.reqMsg,
    handleMsg: request.handledMsg,
    reqTime: request.reqTime.getTime(),
    handleUserID: request.handleUserID,
    handleTime: request.handledTime.getTime(),
    ex: request.ex,
    joinSource: request.joinSource,
    inviterUserID: request.inviterUserID,
  }
}
