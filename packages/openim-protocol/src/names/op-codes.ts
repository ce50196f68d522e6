/** What a frame asks for or brings: `reqIdentifier` on the wire. */
export const opCodes = {
  getNewestSeq: 1001,
  pullMsgByRange: 1002,
  sendMsg: 1003,
  sendSignalMsg: 1004,
  pullMsgBySeqList: 1005,
  getConvMaxReadSeq: 1006,
  pullConvLastMessage: 1007,
  pushMsg: 2001,
  kickOnlineMsg: 2002,
  logout: 2003,
  setBackgroundStatus: 2004,
  subUserOnlineStatus: 2005,
} as const

/** One of {@link opCodes}. */
export type OpCode = (typeof opCodes)[keyof typeof opCodes]
