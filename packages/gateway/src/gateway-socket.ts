import { WebSocket } from 'ws'

/** What a socket reports to; one object per connection, no listener closures. */
export interface SocketOwner {
  received(data: Buffer, binary: boolean): void
  /** A control frame arrived. */
  heard(): void
  failed(error: Error): void
  ended(code: number, reason: string): void
}

/** The server side of one WebSocket; its events go to its owner. */
export class GatewaySocket extends WebSocket {
  owner: SocketOwner | undefined

  /** Begins to report. Messages are given as buffers. */
  listen(owner: SocketOwner): void {
    this.owner = owner
    this.on('message', onMessage)
    this.on('ping', onControl)
    this.on('pong', onControl)
    this.on('error', onError)
    this.on('close', onClose)
  }
}

function onMessage(this: WebSocket, data: unknown, binary: boolean): void {
  ;(this as GatewaySocket).owner?.received(data as Buffer, binary)
}

function onControl(this: WebSocket): void {
  ;(this as GatewaySocket).owner?.heard()
}

function onError(this: WebSocket, error: Error): void {
  ;(this as GatewaySocket).owner?.failed(error)
}

function onClose(this: WebSocket, code: number, reason: Buffer): void {
  const { owner } = this as GatewaySocket
  ;(this as GatewaySocket).owner = undefined
  owner?.ended(code, reason.toString())
}
