import { type Clock, InvalidArgumentError, type Logger, type Metrics } from '@parlance/core'
import {
  createGateway,
  type DevicePolicy,
  type GatewayLimits,
  onePerDevice,
  type SessionControl,
} from '@parlance/gateway'
import {
  errorCodes,
  errorName,
  type FrameReply,
  type FrameRequest,
  opCodes,
  platformIDs,
} from '@parlance/openim-protocol'
import type { Cluster } from '../composition/backing.ts'
import type { ImGateway } from '../composition/tokens.ts'
import { ImError } from '../domain/im-error.ts'
import type { SyncingSessions } from '../domain/messages/syncing-sessions.ts'
import type { Tokens } from '../domain/tokens.ts'
import { wireFailure } from '../domain/wire-error.ts'
import { createHandshake } from './handshake.ts'
import { onlineStatus } from './online-status.ts'
import { platformOf } from './platform-of.ts'

/** What the gateway needs. */
export interface ImGatewayOptions {
  readonly tokens: Tokens
  readonly limits?: GatewayLimits
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  /** Hears of sessions that begin and end. */
  readonly syncingSessions: SyncingSessions
  /** This process's name among the others. @defaultValue a random one */
  readonly node?: string
  /** The other processes, if there are any. */
  readonly cluster?: Cluster | undefined
}

const nothing = new Uint8Array()

/** The last frame of a session that has to go because its user connected elsewhere or its token was withdrawn. */
const kicked: FrameReply = {
  op: opCodes.kickOnlineMsg,
  msgIncr: '',
  operationID: '',
  errCode: 0,
  errMsg: '',
  data: nothing,
}

/** Several back ends share the administrator's account, each with a token of its own. */
const onePerPlatform: DevicePolicy = (incoming, existing) =>
  platformOf(incoming.device) === platformIDs.admin ? [] : onePerDevice(incoming, existing)

const kick = { code: 4502, reason: 'kicked offline' }

/** OpenIM's identifier for what cannot be read; there is no request to answer under its own. */
const dataError = 3001

function refusal(answer: Pick<FrameReply, 'op' | 'msgIncr' | 'operationID'>, error: unknown): FrameReply {
  const { errCode, detail } = wireFailure(error)
  return { ...answer, errCode, errMsg: `${errorName(errCode)}: ${detail}`, data: nothing }
}

/**
 * The last frame of a session whose token has expired. Not a kick: an SDK that is only closed comes back with its token, and is
 * told 1501 where it listens for that, at the handshake.
 */
const expired = refusal(
  { op: dataError, msgIncr: '', operationID: '' },
  new ImError(errorCodes.TokenExpiredError, 'the token has expired; get a new one'),
)

/** What OpenIM allows, and a little more where its clients can make use of it. */
const defaultLimits: GatewayLimits = {
  frameBytes: 51_200,
  framesPerSecond: 2_000,
  bytesPerSecond: 8 * 1024 * 1024,
  requestsInFlight: 256,
  idleTimeoutMs: 60_000,
  pingAfterMs: 25_000,
}

/** Builds the gateway that OpenIM's SDKs connect to. Its operations are added with `serve`. */
export function createImGateway({
  tokens,
  limits,
  clock,
  logger,
  metrics,
  syncingSessions,
  node,
  cluster,
}: ImGatewayOptions): ImGateway {
  if (cluster !== undefined && cluster.host === undefined)
    throw new InvalidArgumentError('a process that holds sessions has to be reached by the others: give it a host')
  const gateway: ImGateway = createGateway<FrameRequest, FrameReply>({
    handshake: createHandshake(tokens),
    requestKey: (request) => request.operationID,
    unknownOp: 'reply',
    undecodableFarewell: (error) => refusal({ op: dataError, msgIncr: '', operationID: '' }, error),
    reply(request, outcome) {
      const answer = { op: request.op, msgIncr: request.msgIncr, operationID: request.operationID }
      if ('data' in outcome) return { ...answer, errCode: 0, errMsg: '', data: outcome.data as Uint8Array }
      return refusal(answer, outcome.error)
    },
    limits: { ...defaultLimits, ...limits },
    onOpen: ({ id, subject }) => syncingSessions.opened(id, subject),
    onClose: ({ id }) => syncingSessions.closed(id),
    devicePolicy: onePerPlatform,
    replacedFarewell: kicked,
    expiredFarewell: expired,
    presence: {
      message: (userID, sessions) => ({
        op: opCodes.subUserOnlineStatus,
        msgIncr: '',
        operationID: '',
        errCode: 0,
        errMsg: '',
        data: onlineStatus([{ userID, sessions }]),
      }),
    },
    ...(node === undefined ? {} : { node }),
    ...(cluster?.host === undefined
      ? {}
      : { registry: cluster.registry, link: { client: cluster.client, host: cluster.host } }),
    clock,
    logger,
    metrics,
  })
  endWithdrawnSessions(tokens, gateway, logger)
  return gateway
}

/** Ends the sessions of tokens that are withdrawn by this process, wherever in the cluster they are. */
export function endWithdrawnSessions(
  tokens: Tokens,
  sessions: Pick<SessionControl<FrameReply>, 'kick'>,
  logger: Logger,
): void {
  tokens.onKicked((userID, _, tokenIDs) => {
    sessions
      .kick(userID, { match: { credentials: tokenIDs }, farewell: kicked, ...kick })
      .catch((error: unknown) => logger.error('sessions could not be kicked', { userID, error }))
  })
}
