import { errorCodes } from '@parlance/openim-protocol'
import { afterEach } from 'vitest'
import { z } from 'zod'
import { adminOnly, anyUser, selfOrAdmin } from '../../src/api/access.ts'
import { createHttpApi, type HttpApiOptions } from '../../src/api/http-api.ts'
import { openRoute, route, type Route } from '../../src/api/route.ts'
import { ImError } from '../../src/domain/im-error.ts'
import { ServedApi } from './http-call.ts'

const tokens = {
  async verify(token: string) {
    if (!token.startsWith('token of ')) throw new ImError(errorCodes.TokenMalformedError, 'not a token')
    return { userID: token.slice('token of '.length), platformID: 5, tokenID: 't', expiresAtSeconds: 0 }
  },
}

/** The headers of a request by a user. */
export const as = (userID: string) => ({ operationID: 'op', token: `token of ${userID}` })

export const echo = openRoute('/echo', z.object({}).loose(), {
  handle: async ({ operationID, remoteAddress }, body) => ({ visitor: { operationID, remoteAddress }, body }),
})
const whoami = route('/whoami', z.object({}), { access: anyUser, handle: async (caller) => caller })
const nothing = route('/nothing', z.object({}), { access: anyUser, handle: async () => undefined })
const own = route('/own', z.object({ userID: z.string(), list: z.array(z.number()).optional() }), {
  access: selfOrAdmin(({ userID }) => userID),
  handle: async (_caller, { userID }) => ({ userID }),
})
const admin = route('/admin', z.object({}), {
  access: adminOnly,
  handle: async () => ({ zero: 0, no: false, empty: '' }),
})
export const failing = (error: unknown): Route =>
  openRoute('/failing', z.object({}), {
    handle() {
      throw error
    },
  })

const served: ServedApi[] = []
afterEach(async () => {
  await Promise.all(served.splice(0).map((api) => api.stop()))
})

/** Serves a few small routes, or those given, until the test ends. */
export async function serve(options: Partial<HttpApiOptions> = {}): Promise<ServedApi> {
  const routes = [echo, whoami, nothing, own, admin]
  const api = await ServedApi.start(
    createHttpApi({ routes, tokens, isAdmin: (userID) => userID === 'imAdmin', ...options }),
  )
  served.push(api)
  return api
}
