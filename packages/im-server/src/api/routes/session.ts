import type { IncomingMessage } from 'node:http'
import { z } from 'zod'
import type { HostLogin } from '../../embedding/host-login.ts'
import { int } from '../fields.ts'
import { openRoute, type Route } from '../route.ts'
import { refuseCrossSite } from '../same-origin.ts'

/** Where clients reach the server, as SDKs want it. */
export interface ClientAddresses {
  readonly apiAddr: string
  readonly wsAddr: string
}

/** Tells where the client that sent this request reaches the server. */
export type AddressesFor = (request: IncomingMessage) => ClientAddresses

/** A session by the login of the program that embeds the server; whoever is signed in there need not know an administrator. */
export function sessionRoutes({
  hostLogin,
  addressesFor,
}: {
  readonly hostLogin: HostLogin
  readonly addressesFor: AddressesFor
}): readonly Route[] {
  return [
    openRoute('/auth/session', z.object({ platformID: int(1, 11) }), {
      operationID: 'optional',
      async handle({ request, operationID }, { platformID }) {
        refuseCrossSite(request.headers)
        const { userID, token, expireTimeSeconds } = await hostLogin.open(request, platformID, operationID)
        return { userID, token, expireTimeSeconds, ...addressesFor(request) }
      },
    }),
  ]
}
