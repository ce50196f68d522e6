import { createServer, type Server, type Socket } from 'node:net'
import { BSON } from 'mongodb'

type Answer = Readonly<Record<string, unknown>>

/** Speaks just enough of MongoDB's protocol to refuse a client in a chosen way. */
export async function fakeMongo(
  answer: (command: string) => Answer,
): Promise<{ port: number; close(): Promise<void> }> {
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    let received = Buffer.alloc(0)
    socket.on('data', (bytes) => {
      received = Buffer.concat([received, bytes])
      while (received.length >= 4 && received.length >= received.readInt32LE(0)) {
        const message = received.subarray(0, received.readInt32LE(0))
        received = received.subarray(message.length)
        socket.write(reply(message, answer))
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as { port: number }).port,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      }),
  }
}

const query = 2004
const message = 2013

function reply(request: Buffer, answer: (command: string) => Answer): Buffer {
  const isQuery = request.readInt32LE(12) === query
  const start = isQuery ? request.indexOf(0, 20) + 9 : 21
  const document = BSON.deserialize(request.subarray(start, start + request.readInt32LE(start)))
  const body = Buffer.from(BSON.serialize(answer(Object.keys(document)[0]!)))
  const head = Buffer.alloc(isQuery ? 36 : 21)
  head.writeInt32LE(head.length + body.length, 0)
  head.writeInt32LE(request.readInt32LE(4), 8)
  head.writeInt32LE(isQuery ? 1 : message, 12)
  if (isQuery) head.writeInt32LE(1, 32)
  return Buffer.concat([head, body])
}
