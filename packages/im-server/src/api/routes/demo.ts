import { platformIDs } from '@parlance/openim-protocol'
import { z } from 'zod'
import type { DemoSignIn } from '../../domain/demo-sign-in.ts'
import { noPermission } from '../../domain/refusals.ts'
import { isLoopback } from '../../loopback.ts'
import { id, int, text } from '../fields.ts'
import { openRoute, type Route, type Visitor } from '../route.ts'

const maxNicknameLength = 64
/** What proxies add. Whoever comes through one may be anywhere. */
const proxyHeaders = ['forwarded', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip']

/**
 * The demo's sign-in, without a password. Only the server's own page on this machine may use it: the connection and the `Host` must be
 * loopback, so that a name that was pointed at this machine does not count, and the `Origin` must be the same.
 */
export function demoRoutes({
  demo,
  wsPort,
}: {
  readonly demo: DemoSignIn
  readonly wsPort: () => number
}): readonly Route[] {
  return [
    openRoute(
      '/demo/sign_in',
      z.object({
        userID: id,
        nickname: text(maxNicknameLength),
        platformID: int(1, 11)
          .nullish()
          .transform((value) => value ?? platformIDs.web),
      }),
      {
        async handle(visitor, body) {
          const { host, hostname } = ownPageOf(visitor)
          const { token, expireTimeSeconds } = await demo.signIn(body)
          const { userID, platformID } = body
          const [apiAddr, wsAddr] = [`http://${host}`, `ws://${hostname}:${wsPort()}`]
          return { userID, platformID, token, expireTimeSeconds, apiAddr, wsAddr }
        },
      },
    ),
  ]
}

/** The address of this server's page that the request came from. */
function ownPageOf({ remoteAddress, header }: Visitor): URL {
  const name = `http://${header('host')}`
  const address = URL.canParse(name) ? new URL(name) : undefined
  if (address === undefined || !isLoopback(address.hostname) || !isLoopback(remoteAddress))
    throw noPermission('the demo signs in on this machine only: open http://127.0.0.1 with the port of the API')
  if (proxyHeaders.some((proxyHeader) => header(proxyHeader) !== ''))
    throw noPermission('the demo signs in nobody who comes through a proxy')
  if (header('origin') !== address.origin)
    throw noPermission("the demo signs in from this server's own page only; its Origin must be the Host's")
  return address
}
