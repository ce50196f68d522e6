import { connect, type Socket } from 'node:net'
import { until } from '@parlance/testing'

const key = Buffer.alloc(16, 7).toString('base64')

/** One frame as the server wrote it. */
export interface RawFrame {
  readonly opcode: number
  readonly payload: Buffer
}

/** A client that may break every rule of the protocol. */
export class RawClient {
  readonly socket: Socket
  #received = Buffer.alloc(0)
  isClosed = false

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1')
    this.socket.on('error', (error) => error)
    this.socket.on('close', () => (this.isClosed = true))
    this.socket.on('data', (chunk) => (this.#received = Buffer.concat([this.#received, chunk])))
  }

  static async upgraded(port: number, user: string, subprotocol?: string): Promise<RawClient> {
    const client = new RawClient(port)
    client.upgrade(`/?user=${user}`, subprotocol)
    await until('the upgrade is confirmed', () => client.head.startsWith('HTTP/1.1 101'))
    return client
  }

  upgrade(path: string, subprotocol?: string, headers: readonly string[] = []): void {
    const lines = [`GET ${path} HTTP/1.1`, 'Host: test', 'Connection: Upgrade', 'Upgrade: websocket', ...headers]
    if (subprotocol !== undefined) lines.push(`Sec-WebSocket-Protocol: ${subprotocol}`)
    this.socket.write([...lines, `Sec-WebSocket-Key: ${key}`, 'Sec-WebSocket-Version: 13', '', ''].join('\r\n'))
  }

  /** What was received up to the end of the HTTP head. */
  get head(): string {
    const end = this.#received.indexOf('\r\n\r\n')
    return end === -1 ? '' : this.#received.toString('latin1', 0, end)
  }

  get body(): Buffer {
    const end = this.#received.indexOf('\r\n\r\n')
    return end === -1 ? Buffer.alloc(0) : this.#received.subarray(end + 4)
  }

  /** Whole frames after the head. */
  get frames(): RawFrame[] {
    const frames: RawFrame[] = []
    let rest = this.body
    for (;;) {
      if (rest.length < 2) return frames
      const short = rest[1]! & 0x7f
      const start = short < 126 ? 2 : short === 126 ? 4 : 10
      if (rest.length < start) return frames
      const length = short < 126 ? short : short === 126 ? rest.readUInt16BE(2) : Number(rest.readBigUInt64BE(2))
      if (rest.length < start + length) return frames
      frames.push({ opcode: rest[0]! & 0x0f, payload: rest.subarray(start, start + length) })
      rest = rest.subarray(start + length)
    }
  }

  get closeCode(): number | undefined {
    const close = this.frames.find(({ opcode }) => opcode === 8)
    return close?.payload.readUInt16BE(0)
  }

  async closesWith(): Promise<number> {
    return until('the server closes', () => this.closeCode)
  }

  write(...frames: Buffer[]): void {
    this.socket.write(Buffer.concat(frames))
  }

  destroy(): void {
    this.socket.destroy()
  }
}

/** A client's frame; the mask is all zeros unless the frame is to be sent unmasked. */
export function clientFrame(
  payload: Uint8Array | string,
  { opcode = 1, isMasked = true, claimedLength }: { opcode?: number; isMasked?: boolean; claimedLength?: number } = {},
): Buffer {
  const bytes = Buffer.from(payload)
  const length = claimedLength ?? bytes.length
  const head = length < 126 ? Buffer.alloc(2) : length < 65_536 ? Buffer.alloc(4) : Buffer.alloc(10)
  head[0] = 0x80 | opcode
  if (head.length === 2) head[1] = length
  else if (head.length === 4) {
    head[1] = 126
    head.writeUInt16BE(length, 2)
  } else {
    head[1] = 127
    head.writeBigUInt64BE(BigInt(length), 2)
  }
  if (!isMasked) return Buffer.concat([head, bytes])
  head[1] = head[1]! | 0x80
  return Buffer.concat([head, Buffer.alloc(4), bytes])
}
