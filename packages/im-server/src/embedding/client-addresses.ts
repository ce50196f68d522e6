import type { IncomingMessage } from 'node:http'
import { TLSSocket } from 'node:tls'
import type { BoundPorts } from '../composition/tokens.ts'
import type { ClientAddresses } from '../api/routes/session.ts'
import { visibleOrigin } from '../api/same-origin.ts'
import { visibleBase } from './mounted-request.ts'

/** Where the client that sent a request reaches the server: `publicURL`, or where it sent it to; and the other port where there are two. */
export function clientAddresses(request: IncomingMessage, own: BoundPorts, publicURL?: string): ClientAddresses {
  const { localPort } = request.socket
  const asked = visibleOrigin(request.headers, request.socket instanceof TLSSocket) + visibleBase(request)
  const apiAddr = publicURL?.replace(/\/+$/, '') ?? asked
  const ws = new URL(apiAddr)
  if (own.apiPort !== undefined && localPort === own.apiPort) ws.port = String(own.wsPort)
  const wsAddr = ws.href.replace(/^http/, 'ws').replace(/\/$/, '')
  return { apiAddr, wsAddr }
}
