import { type IncomingMessage, type Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Socket } from 'node:net'

/**
 * Answers as a request what asks for an upgrade that nobody makes, as Node itself does while a server has no listener for upgrades:
 * a client may offer one (HTTP/2, for example) without needing it. The connection ends with the answer.
 *
 * A body cannot be had any more by then: such a request is refused with 400.
 */
export function answerWithoutUpgrade(server: Server, request: IncomingMessage, socket: Duplex): void {
  const response = new ServerResponse(request)
  response.shouldKeepAlive = false
  response.assignSocket(socket as Socket)
  response.once('finish', () => {
    response.detachSocket(socket as Socket)
    socket.end()
  })
  // Whoever hangs up within the answer has ended what there was to do.
  socket.on('error', () => socket.destroy())
  socket.resume()
  const { 'content-length': length = '0', 'transfer-encoding': encoding } = request.headers
  if (length !== '0' || encoding !== undefined) response.writeHead(400).end()
  else server.emit('request', request, response)
}
