import type { Admission, HandshakeRequest } from '@parlance/gateway'
import {
  errorCodes,
  type FrameReply,
  type FrameRequest,
  frameCodec,
  isPlatformID,
  type PlatformID,
  platformName,
  refusal,
  welcome,
} from '@parlance/openim-protocol'
import { ImError } from '../domain/im-error.ts'
import type { Tokens } from '../domain/tokens.ts'
import { wireFailure } from '../domain/wire-error.ts'

/** What a client says of itself when it connects. */
interface ConnectArguments {
  readonly token: string
  readonly userID: string
  readonly platformID: PlatformID
  readonly operationID: string
  readonly compression: 'gzip' | undefined
  readonly sdkType: 'js' | 'go'
  readonly wantsAnswer: boolean
}

/** How long a token or an id in the query may be. */
const argumentCharacters = 4096

const tokenRefused = { code: 4500, reason: 'the token was refused' }

/**
 * Decides about a connecting SDK: arguments first (1602, always before the upgrade), then the token.
 *
 * The token is verified again once the session is registered: whatever withdraws it while its device connects ends the session.
 *
 * An SDK that asked for an answer gets a token error as the first text frame of an upgraded connection, because a browser cannot
 * read the body of a refused upgrade; any other gets it as plain HTTP 200 JSON, which is OpenIM's way.
 */
export function createHandshake(tokens: Tokens) {
  return async (request: HandshakeRequest): Promise<Admission<FrameRequest, FrameReply>> => {
    let given: ConnectArguments
    try {
      given = connectArguments(request)
    } catch (error) {
      return refuseBefore(error)
    }
    try {
      const token = await tokens.verify(given.token)
      if (token.userID !== given.userID || token.platformID !== given.platformID) {
        throw new ImError(errorCodes.TokenInvalidError, 'the token belongs to another user or platform: log in again')
      }
      await tokens.keepOnly(token.userID, token.platformID, token.tokenID)
      return {
        kind: 'accept',
        identity: { subject: token.userID, device: platformName(given.platformID), credential: token.tokenID },
        codec: codecOf(given),
        ...(given.wantsAnswer ? { greeting: welcome } : {}),
        confirm: () => isStillGood(tokens, given.token),
        expiresAtMs: token.expiresAtSeconds * 1000,
        attributes: { platformID: token.platformID },
      }
    } catch (error) {
      if (!given.wantsAnswer) return refuseBefore(error)
      const { errCode, detail } = wireFailure(error)
      return {
        kind: 'refuse-after-upgrade',
        message: refusal(errCode, detail),
        closeCode: tokenRefused.code,
        reason: tokenRefused.reason,
      }
    }
  }
}

/** Whether nobody withdrew the token while its session was not yet to be found. */
async function isStillGood(tokens: Tokens, token: string): Promise<boolean> {
  try {
    // Who withdraws it looks for its sessions afterwards, and this one can be found by now: one of the two sees the other.
    await tokens.verify(token, { read: 'shared' })
    return true
  } catch (error) {
    if (error instanceof ImError) return false
    throw error
  }
}

function refuseBefore(error: unknown): Admission<FrameRequest, FrameReply> {
  const { errCode, detail } = wireFailure(error)
  return {
    kind: 'refuse',
    status: 200,
    headers: { 'Content-Type': 'application/json' },
    body: refusal(errCode, detail).bytes,
  }
}

/** One codec per class, made once: the gateway encodes once per codec. */
const codecs = new Map(
  (['js', 'go'] as const).flatMap((sdkType) =>
    [undefined, 'gzip' as const].map(
      (compression) => [`${sdkType}/${compression}`, frameCodec({ sdkType, compression })] as const,
    ),
  ),
)

const codecOf = ({ sdkType, compression }: ConnectArguments) => codecs.get(`${sdkType}/${compression}`)!

function connectArguments({ url, headers }: HandshakeRequest): ConnectArguments {
  const query = url.searchParams
  const compact = query.get('v')
  const read = compact === null ? (name: string) => query.get(name) : compactReader(compact)
  const required = (name: string): string => {
    const value = read(name)
    if (value === null || value === '') throw refused(`${name} is missing from the connection's query`)
    if (value.length > argumentCharacters) throw refused(`${name} is too long`)
    return value
  }
  const flag = (name: string, isRequired: boolean): boolean => {
    const value = read(name)
    if (value === null && !isRequired) return false
    if (value === 'true' || value === '1') return true
    if (value === 'false' || value === '0') return false
    throw refused(`${name} must be true or false`)
  }
  const digits = required('platformID')
  const platformID = /^\d+$/.test(digits) ? Number(digits) : Number.NaN
  if (!isPlatformID(platformID)) throw refused('platformID must be the number of a platform, 1 to 11')
  const sdkType = read('sdkType') ?? 'go'
  if (sdkType !== '' && sdkType !== 'go' && sdkType !== 'js')
    throw refused(`sdkType ${sdkType} is unknown: use go or js`)
  const compression = read('compression') ?? headers['compression']
  if (compression !== undefined && compression !== null && compression !== '' && compression !== 'gzip')
    throw refused('compression must be gzip or absent')
  flag('isBackground', compact === null)
  return {
    token: required('token'),
    userID: required('sendID'),
    platformID,
    operationID: required('operationID'),
    compression: compression === 'gzip' ? 'gzip' : undefined,
    sdkType: sdkType === 'js' ? 'js' : 'go',
    wantsAnswer: flag('isMsgResp', false),
  }
}

const refused = (detail: string): ImError => new ImError(errorCodes.ConnArgsErr, detail)

/** Names of the compact form, one base64url JSON object, by the names of the long form. */
const compactNames: Readonly<Record<string, string>> = {
  sendID: 'userID',
  isMsgResp: 'sendResponse',
  isBackground: 'background',
}

function compactReader(compact: string): (name: string) => string | null {
  if (compact.length > 4 * argumentCharacters) throw refused('v is too long')
  let given: unknown
  try {
    given = JSON.parse(Buffer.from(compact, 'base64url').toString('utf8'))
  } catch (error) {
    throw new ImError(errorCodes.ConnArgsErr, 'v is not base64url-encoded JSON', { cause: error })
  }
  if (typeof given !== 'object' || given === null) throw refused('v is not a JSON object')
  return (name) => {
    const value = (given as Record<string, unknown>)[compactNames[name] ?? name]
    return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : null
  }
}
