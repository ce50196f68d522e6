import { errorCodes } from '@parlance/openim-protocol'
import type { GroupMember } from '../entities/group-member.ts'
import { ImError } from './im-error.ts'

/** 1001: something in the request cannot be; `detail` names the field and the cure. */
export const badArgument = (detail: string): ImError => new ImError(errorCodes.ArgsError, detail)

/** 1002: the caller may not do this. */
export const noPermission = (detail: string): ImError => new ImError(errorCodes.NoPermissionError, detail)

/** 1004: what was asked for does not exist. */
export const notFound = (detail: string): ImError => new ImError(errorCodes.RecordNotFoundError, detail)

/** 1101: users that do not exist, each named. */
export const usersNotFound = (userIDs: readonly string[]): ImError =>
  new ImError(errorCodes.UserIDNotFoundError, `no such user: ${named(userIDs)}; register it first`)

/** 1102: users that exist already, each named. */
export const usersRegistered = (userIDs: readonly string[]): ImError =>
  new ImError(errorCodes.RegisteredAlreadyError, `registered already: ${named(userIDs)}; take another user id`)

/** 1202: a group id that is taken. */
export const groupExists = (groupID: string): ImError =>
  new ImError(errorCodes.GroupIDExisted, `group ${groupID} exists already; take another id, or leave it empty`)

/** 1003: it is there already. */
export const duplicate = (detail: string): ImError => new ImError(errorCodes.DuplicateKeyError, detail)

/** 1301: both sides of a relation would be the same user. */
export const yourself = (field: string): ImError =>
  new ImError(errorCodes.CanNotAddYourselfError, `${field}: nobody does this with oneself; name another user`)

/** 1302: the other user blocked this one. */
export const blockedByPeer = (userID: string): ImError =>
  new ImError(errorCodes.BlockedByPeer, `${userID} does not want to hear from this user`)

/** 1303: only friends may write. */
export const notFriend = (userID: string): ImError =>
  new ImError(errorCodes.NotPeersFriend, `${userID} takes messages from friends only; apply to become one first`)

/** 1304: friends already, both ways. */
export const friendsAlready = (userID: string): ImError =>
  new ImError(errorCodes.RelationshipAlreadyError, `${userID} is a friend already, and so the other way round`)

/** 1305: a friend request that was answered. */
export const requestHandled = (fromUserID: string): ImError =>
  new ImError(
    errorCodes.FriendRequestHandled,
    `the request of ${fromUserID} was answered already; it counts until sent again`,
  )

/** 1201: a group that does not exist. */
export const groupNotFound = (groupID: string): ImError =>
  new ImError(errorCodes.GroupIDNotFoundError, `there is no group ${groupID}`)

/** 1203: a user that is not a member of the group. */
export const notInGroup = (groupID: string, userID: string): ImError =>
  new ImError(errorCodes.NotInGroupYetError, `${userID} is not a member of group ${groupID}`)

/** 1204: a group that was dismissed. */
export const groupDismissed = (groupID: string): ImError =>
  new ImError(errorCodes.DismissedAlreadyError, `group ${groupID} was dismissed; what was said in it can still be read`)

/** 1206: an application that somebody answered before. */
export const groupRequestHandled = (userID: string): ImError =>
  new ImError(errorCodes.GroupRequestHandled, `the application of ${userID} was answered before`)

/** 1803: more invitations at once than may become applications. */
export const tooManyToAsk = (maxCount: number): ImError =>
  new ImError(
    errorCodes.TooManyError,
    `invitedUserIDs: at most ${maxCount} where invitations need approval; invite fewer at a time`,
  )

/** 1402: a member that may not write yet. */
export const mutedMember = ({ groupID, userID, muteEndTime }: Readonly<GroupMember>): ImError =>
  new ImError(errorCodes.MutedInGroup, `${userID} is muted in group ${groupID} until ${muteEndTime.toISOString()}`)

/** 1403: a group whose ordinary members may not write. */
export const mutedGroup = (groupID: string): ImError =>
  new ImError(errorCodes.MutedGroup, `group ${groupID} is muted: only its owner and admins may write`)

/** 1803: a page that lies too deep in a list that is put together from many. */
export const pageTooDeep = (maxCount: number): ImError =>
  new ImError(errorCodes.TooManyError, `pagination: these applications are shown up to ${maxCount}; name fewer groups`)

/** 1801: others kept changing the same rows. */
export const contended = (): ImError =>
  new ImError(errorCodes.ServerBusyError, 'others change the same just now; nothing was done: try again')

/** 1803: a list is full; `cure` says how it gets room. */
export const listFull = (what: string, maxCount: number, cure: string): ImError =>
  new ImError(errorCodes.TooManyError, `${what} has at most ${maxCount} entries; ${cure}`)

/** 1803: a search would have to read too much. */
export const tooManyToSearch = (maxCount: number): ImError =>
  new ImError(
    errorCodes.TooManyError,
    `more than ${maxCount} members to search; leave keyword empty and read page by page`,
  )

/** 1803: a search would have to read too many groups. */
export const tooManyGroupsToSearch = (maxCount: number): ImError =>
  new ImError(errorCodes.TooManyError, `more than ${maxCount} groups to search; name a groupID, or read page by page`)

const shownCount = 20

function named(ids: readonly string[]): string {
  const rest = ids.length - shownCount
  return ids.slice(0, shownCount).join(', ') + (rest > 0 ? ` and ${rest} more` : '')
}
