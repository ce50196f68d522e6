/**
 * OpenIM's error codes under the names that clients see in `errMsg`; 0 is success.
 *
 * 1801 to 1803 are ours: OpenIM has no code for overload and limits.
 */
export const errorCodes = {
  ServerInternalError: 500,
  UnknownError: 1000,
  ArgsError: 1001,
  NoPermissionError: 1002,
  DuplicateKeyError: 1003,
  RecordNotFoundError: 1004,
  SecretNotChangedError: 1050,
  UserIDNotFoundError: 1101,
  RegisteredAlreadyError: 1102,
  GroupIDNotFoundError: 1201,
  GroupIDExisted: 1202,
  NotInGroupYetError: 1203,
  DismissedAlreadyError: 1204,
  GroupTypeNotSupport: 1205,
  GroupRequestHandled: 1206,
  CanNotAddYourselfError: 1301,
  BlockedByPeer: 1302,
  NotPeersFriend: 1303,
  RelationshipAlreadyError: 1304,
  FriendRequestHandled: 1305,
  MessageHasReadDisable: 1401,
  MutedInGroup: 1402,
  MutedGroup: 1403,
  MsgAlreadyRevoke: 1404,
  TokenExpiredError: 1501,
  TokenInvalidError: 1502,
  TokenMalformedError: 1503,
  TokenNotValidYetError: 1504,
  TokenUnknownError: 1505,
  TokenKickedError: 1506,
  TokenNotExistError: 1507,
  ConnOverMaxNumLimit: 1601,
  ConnArgsErr: 1602,
  PushMsgErr: 1603,
  IOSBackgroundPushErr: 1604,
  FileUploadedExpiredError: 1701,
  ServerBusyError: 1801,
  TooLargeError: 1802,
  TooManyError: 1803,
  CallbackError: 80000,
  DatabaseError: 90002,
  NetworkError: 90004,
  DataError: 90007,
} as const

/** The symbolic name of an error. */
export type ErrorName = keyof typeof errorCodes

/** One of {@link errorCodes}. */
export type ErrorCode = (typeof errorCodes)[ErrorName]

/** Success or failure as every answer tells it: HTTP bodies, the first frame of a connection. */
export interface WireError {
  readonly errCode: number
  /** The symbolic name; empty for success. */
  readonly errMsg: string
  /** What exactly is wrong, and the cure. */
  readonly errDlt: string
}

const names: ReadonlyMap<number, string> = new Map(Object.entries(errorCodes).map(([name, code]) => [code, name]))

/** The symbolic name of a code: empty for 0, `UnknownError` for one that is not in the table. */
export const errorName = (code: number): string => (code === 0 ? '' : (names.get(code) ?? 'UnknownError'))

/** An error, or with code 0 success, as it goes over the wire. */
export const wireError = (code: number, detail = ''): WireError => ({
  errCode: code,
  errMsg: errorName(code),
  errDlt: detail,
})
