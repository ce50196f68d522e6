import { errorCodes } from '@parlance/openim-protocol'
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

/** 1803: a search would have to read too much. */
export const tooManyToSearch = (maxCount: number): ImError =>
  new ImError(
    errorCodes.TooManyError,
    `more than ${maxCount} members to search; leave keyword empty and read page by page`,
  )

const shownCount = 20

function named(ids: readonly string[]): string {
  const rest = ids.length - shownCount
  return ids.slice(0, shownCount).join(', ') + (rest > 0 ? ` and ${rest} more` : '')
}
