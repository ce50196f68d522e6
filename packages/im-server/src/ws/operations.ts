import type { Gateway, OpTable, Session } from '@parlance/gateway'
import {
  encodePullMsgs,
  errorCodes,
  type FrameReply,
  type FrameRequest,
  GetConversationsHasReadAndMaxSeqReq,
  GetConversationsHasReadAndMaxSeqResp,
  GetLastMessageReq,
  GetLastMessageResp,
  GetMaxSeqReq,
  GetMaxSeqResp,
  GetSeqMessageReq,
  MsgData,
  opCodes,
  PullMessageBySeqsReq,
  SetAppBackgroundStatusReq,
  SubUserOnlineStatus,
  UserSendMsgResp,
  withNumber,
} from '@parlance/openim-protocol'
import type { Caller } from '../domain/caller.ts'
import { ImError } from '../domain/im-error.ts'
import type { HeadListener, PulledEntries, Puller } from '../domain/messages/puller.ts'
import type { ToldHeads } from '../domain/messages/told-heads.ts'
import type { SyncingSessions } from '../domain/messages/syncing-sessions.ts'
import type { MessageSender } from '../domain/messages/sender.ts'
import { onlineStatus } from './online-status.ts'

type ImSession = Session<FrameRequest, FrameReply>

/** What the operations are served by. */
export interface OperationServices {
  readonly sender: MessageSender
  readonly puller: Puller
  readonly toldHeads: ToldHeads
  readonly syncingSessions: SyncingSessions
  readonly gateway: Gateway<FrameRequest, FrameReply>
  readonly adminID: string
}

const nothing = new Uint8Array()

/**
 * A pull that found nothing: one field that no reader knows, and so skips. Without any byte the frame's data would be empty,
 * which the JS SDK takes for no answer at all and fails on.
 */
const emptyPull = Uint8Array.of(0x78, 0)

/** Who does one of these is not about to catch up. */
const goOn: ReadonlySet<number> = new Set([opCodes.sendMsg, opCodes.pullMsgBySeqList, opCodes.pullConvLastMessage])

/** Why a session that logged out is closed: its client does not come back. */
const loggedOut = { code: 4501, reason: 'logged out' }

/** Serves the SDKs' operations: each takes protobuf and returns protobuf, or throws what the client is told. */
export function operations({
  sender,
  puller,
  toldHeads,
  syncingSessions,
  gateway,
  adminID,
}: OperationServices): OpTable<FrameRequest, FrameReply> {
  const serve =
    (handle: (caller: Caller, data: Uint8Array, session: ImSession) => Promise<Uint8Array> | Uint8Array) =>
    (session: ImSession, request: FrameRequest): Promise<Uint8Array> | Uint8Array => {
      if (goOn.has(request.op)) syncingSessions.goesOn(session.id)
      return handle(callerOf(session, request, adminID), request.data, session)
    }

  // The answer says how far streams go: what waits to be pushed up to there is known to the session, and the rest comes behind.
  const tellHeads = <T>(session: ImSession, caller: Caller, read: (hear: HeadListener) => Promise<T>): Promise<T> => {
    const { id, subject } = session
    const syncing = { subject, requestKey: caller.operationID }
    return syncingSessions.during(id, syncing, () =>
      read((stream, head) => {
        syncingSessions.tell(id, stream, head)
        toldHeads.tell(id, stream, { subject, head })
      }),
    )
  }

  return {
    [opCodes.getNewestSeq]: serve(async (caller, data, session) => {
      const userID = own(caller, GetMaxSeqReq.decode(data).userID)
      const newest = await tellHeads(session, caller, (hear) => puller.newestSeqs(userID, hear))
      return GetMaxSeqResp.encode({
        maxSeqs: Object.fromEntries(newest.map(({ conversationID, maxSeq }) => [conversationID, maxSeq])),
        minSeqs: Object.fromEntries(
          newest.filter(({ minSeq }) => minSeq > 1).map(({ conversationID, minSeq }) => [conversationID, minSeq]),
        ),
      })
    }),
    [opCodes.pullMsgByRange]: serve(async (caller, data, session) => {
      const request = PullMessageBySeqsReq.decode(data)
      const order = request.order === 1 ? 1 : 0
      const pulled = await puller.byRanges(own(caller, request.userID), request.seqRanges, order)
      // Behind the answer: the client has caught up, and counts on from there.
      setImmediate(() => syncingSessions.goesOn(session.id))
      return encodePulled(pulled)
    }),
    [opCodes.sendMsg]: serve(async (caller, data) =>
      UserSendMsgResp.encode(await sender.send(caller, MsgData.decode(data))),
    ),
    [opCodes.sendSignalMsg]: serve(() => {
      throw new ImError(errorCodes.ArgsError, 'this server has no call signalling')
    }),
    [opCodes.pullMsgBySeqList]: serve(async (caller, data) => {
      const request = GetSeqMessageReq.decode(data)
      return encodePulled(
        await puller.bySeqs(own(caller, request.userID), request.conversations, request.order === 1 ? 1 : 0),
      )
    }),
    [opCodes.getConvMaxReadSeq]: serve(async (caller, data, session) => {
      const request = GetConversationsHasReadAndMaxSeqReq.decode(data)
      const userID = own(caller, request.userID)
      const found = await tellHeads(session, caller, (hear) => puller.seqs(userID, request.conversationIDs, hear))
      return GetConversationsHasReadAndMaxSeqResp.encode({
        seqs: Object.fromEntries(found.map((seqs) => [seqs.conversationID, seqs])),
      })
    }),
    [opCodes.pullConvLastMessage]: serve(async (caller, data) => {
      const request = GetLastMessageReq.decode(data)
      const pulled = await puller.newest(own(caller, request.userID), request.conversationIDs)
      return GetLastMessageResp.encode({
        msgs: Object.fromEntries(
          pulled.map(({ address, entries }) => [
            address.conversationID,
            withNumber(entries[0]!.bytes, entries[0]!.seq),
          ]),
        ),
      })
    }),
    [opCodes.logout]: serve((_caller, _data, session) => {
      session.finish(loggedOut.code, loggedOut.reason)
      return nothing
    }),
    [opCodes.setBackgroundStatus]: serve((caller, data, session) => {
      const request = SetAppBackgroundStatusReq.decode(data)
      own(caller, request.userID)
      session.attributes.set('isBackground', request.isBackground)
      return nothing
    }),
    [opCodes.subUserOnlineStatus]: serve(async (_caller, data, session) => {
      const { subscribeUserID, unsubscribeUserID } = SubUserOnlineStatus.decode(data)
      gateway.presence.unsubscribe(session, unsubscribeUserID)
      const sessions = await gateway.presence.subscribe(session, subscribeUserID)
      return onlineStatus(subscribeUserID.map((userID, index) => ({ userID, sessions: sessions[index]! })))
    }),
  }
}

function callerOf(session: ImSession, request: FrameRequest, adminID: string): Caller {
  if (request.sendID !== session.subject)
    throw new ImError(errorCodes.NoPermissionError, 'sendID of the frame must be the user of the connection')
  return {
    userID: session.subject,
    platformID: session.attributes.get('platformID') as number,
    isAdmin: session.subject === adminID,
    operationID: request.operationID,
    sessionID: session.id,
  }
}

/** Nobody reads for somebody else over a connection. */
function own(caller: Caller, userID: string): string {
  if (userID !== caller.userID)
    throw new ImError(errorCodes.NoPermissionError, 'userID must be the user of the connection')
  return userID
}

function encodePulled(pulled: readonly PulledEntries[]): Uint8Array {
  const part = (isNotification: boolean) =>
    Object.fromEntries(
      pulled
        .filter(({ address }) => address.isNotification === isNotification)
        .map(({ address, entries, isEnd, endSeq }) => [
          address.conversationID,
          { messages: entries.map(({ bytes, seq }) => withNumber(bytes, seq)), isEnd, endSeq },
        ]),
    )
  const encoded = encodePullMsgs(part(false), part(true))
  return encoded.length === 0 ? emptyPull : encoded
}
