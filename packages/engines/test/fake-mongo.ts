import { createServer, type Server, type Socket } from 'node:net'
import { BSON } from 'mongodb'

type Answer = Readonly<Record<string, unknown>>
/** Instead of an answer: none, half of one and then the end, or the end. */
type Fault = 'silence' | 'half' | 'reset'

export interface FakeMongo {
  readonly port: number
  /** The commands it was sent, the oldest first. */
  readonly commands: readonly string[]
  /** Ends every connection. */
  cut(): void
  close(): Promise<void>
}

/** Speaks just enough of MongoDB's protocol to refuse or fail a client in a chosen way. */
export async function fakeMongo(answer: (command: string) => Answer | Fault): Promise<FakeMongo> {
  const sockets = new Set<Socket>()
  const commands: string[] = []
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    let received = Buffer.alloc(0)
    socket.on('data', (bytes) => {
      received = Buffer.concat([received, bytes])
      while (received.length >= 4 && received.length >= received.readInt32LE(0)) {
        const message = received.subarray(0, received.readInt32LE(0))
        received = received.subarray(message.length)
        const command = commandIn(message)
        commands.push(command)
        const said = answer(command)
        if (said === 'reset') socket.resetAndDestroy()
        else if (said === 'half') socket.end(reply(message, { ok: 1 }).subarray(0, 20))
        else if (said !== 'silence') socket.write(reply(message, said))
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
    sockets.clear()
  }
  return {
    port: (server.address() as { port: number }).port,
    commands,
    cut,
    close: () =>
      new Promise((resolve) => {
        cut()
        server.close(() => resolve())
      }),
  }
}

const query = 2004
const message = 2013

const isQuery = (request: Buffer): boolean => request.readInt32LE(12) === query

function commandIn(request: Buffer): string {
  const start = isQuery(request) ? request.indexOf(0, 20) + 9 : 21
  return Object.keys(BSON.deserialize(request.subarray(start, start + request.readInt32LE(start))))[0]!
}

function reply(request: Buffer, answer: Answer): Buffer {
  const body = Buffer.from(BSON.serialize(answer))
  const head = Buffer.alloc(isQuery(request) ? 36 : 21)
  head.writeInt32LE(head.length + body.length, 0)
  head.writeInt32LE(request.readInt32LE(4), 8)
  head.writeInt32LE(isQuery(request) ? 1 : message, 12)
  if (isQuery(request)) head.writeInt32LE(1, 32)
  return Buffer.concat([head, body])
}
