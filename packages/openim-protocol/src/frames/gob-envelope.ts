import { gobStruct } from '../gob/gob-struct.ts'
import type { Envelope } from './envelope.ts'
import type { FrameReply, FrameRequest } from './frame.ts'

/** Requests as SDKs built on the Go core send them. */
export const gobRequest: Envelope<FrameRequest> = gobStruct<FrameRequest>('GeneralWsReq', 64, [
  { key: 'op', name: 'ReqIdentifier', kind: 'int' },
  { key: 'token', name: 'Token', kind: 'string' },
  { key: 'sendID', name: 'SendID', kind: 'string' },
  { key: 'operationID', name: 'OperationID', kind: 'string' },
  { key: 'msgIncr', name: 'MsgIncr', kind: 'string' },
  { key: 'data', name: 'Data', kind: 'bytes' },
])

/** Replies and pushes as SDKs built on the Go core read them. */
export const gobReply: Envelope<FrameReply> = gobStruct<FrameReply>('Resp', 65, [
  { key: 'op', name: 'ReqIdentifier', kind: 'int' },
  { key: 'msgIncr', name: 'MsgIncr', kind: 'string' },
  { key: 'operationID', name: 'OperationID', kind: 'string' },
  { key: 'errCode', name: 'ErrCode', kind: 'int' },
  { key: 'errMsg', name: 'ErrMsg', kind: 'string' },
  { key: 'data', name: 'Data', kind: 'bytes' },
])
