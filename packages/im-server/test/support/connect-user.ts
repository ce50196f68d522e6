import { errorCodes, type FrameDialect } from '@parlance/openim-protocol'
import { RawClient, RefusedRequest } from './raw-client.ts'
import type { TestServer } from './test-server.ts'

/** How a user connects; what is left out does not matter to the test. */
export interface UserOptions {
  /** @defaultValue a user nobody else has */
  readonly userID?: string
  readonly dialect?: FrameDialect
  readonly platformID?: number
}

let users = 0

/** Registers a user where it is new, and connects it. */
export async function connectUser(
  server: TestServer,
  { userID = `user${users++}`, dialect = { sdkType: 'js' }, platformID = 5 }: UserOptions = {},
): Promise<RawClient> {
  const { errCode } = await server.admin.call('/user/user_register', {
    users: [{ userID, nickname: userID, faceURL: '' }],
  })
  if (errCode !== 0 && errCode !== errorCodes.RegisteredAlreadyError) throw new Error(`${userID}: ${errCode}`)
  const token = await server.admin.userToken(userID, platformID)
  return RawClient.connect({ ws: server.ws, userID, token, platformID, dialect })
}

/** The code that a request was refused with; throws when it was not. */
export async function refusalOf(work: Promise<unknown>): Promise<number> {
  try {
    await work
  } catch (error) {
    if (error instanceof RefusedRequest) return error.errCode
    throw error
  }
  throw new Error('the request was not refused')
}
