import { once } from 'node:events'
import type { AddressInfo } from 'node:net'

import { encodePushMessages, frameCodec, MsgData, welcome } from '@parlance/openim-protocol'
import { until } from '@parlance/testing'
import { afterEach, describe, expect, it } from 'vitest'
import { type WebSocket, WebSocketServer } from 'ws'

import { identityOf } from '../src/message-identity.ts'
import { RawClient, type RawClientSink } from '../src/raw-client.ts'
import { SendFrame } from '../src/wire/send-frame.ts'

const codec = frameCodec({ sdkType: 'js' })
const closers: (() => void)[] = []

afterEach(() => {
  for (const close of closers.splice(0)) close()
})

class Recorder implements RawClientSink {
  readonly answers: { number: number; errCode: number }[] = []
  readonly messages: { number: number; seq: number }[] = []
  readonly reasons: string[] = []
  openChunks = 0

  chunkBegins(): void {
    this.openChunks += 1
  }

  answered(_lane: number, number: number, errCode: number): void {
    this.answers.push({ number, errCode })
  }

  received(_lane: number, number: number, seq: number): void {
    this.messages.push({ number, seq })
  }

  chunkEnds(): void {
    this.openChunks -= 1
  }

  lost(_lane: number, reason: Error): void {
    this.reasons.push(reason.message)
  }
}

async function serve(greet: (socket: WebSocket, query: URLSearchParams) => void): Promise<number> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  server.on('connection', (socket, request) => {
    socket.on('error', () => socket.terminate())
    greet(socket, new URL(request.url ?? '', 'ws://host').searchParams)
  })
  await once(server, 'listening')
  closers.push(
    () => server.close(),
    () => server.clients.forEach((socket) => socket.terminate()),
  )
  return (server.address() as AddressInfo).port
}

function clientOf(port: number, sink: RawClientSink): RawClient {
  const client = new RawClient({ host: '127.0.0.1', port, userID: 'u 1', token: 't+/=', platformID: 5 }, 4, sink)
  closers.push(() => client.close())
  return client
}

function push(numbers: readonly number[]): Buffer {
  const messages = numbers.map((number) => MsgData.encode({ clientMsgID: identityOf(number), seq: number + 1 }))
  const data = encodePushMessages('msgs', 'si_1', messages)
  return codec.encode({ op: 2001, msgIncr: '', operationID: 'o', errCode: 0, errMsg: '', data }).bytes
}

describe('RawClient', () => {
  it('logs in as its user, sends, and hears answers and pushes of any size', async () => {
    let query = new URLSearchParams()
    const port = await serve((socket, asked) => {
      query = asked
      socket.send(welcome.bytes.toString())
      socket.on('message', (bytes: Buffer, isBinary) => {
        const decoded = codec.decode(bytes, isBinary)
        if (decoded.kind !== 'message') return
        const { op, msgIncr, operationID } = decoded.message
        socket.send(codec.encode({ op, msgIncr, operationID, errCode: 0, errMsg: '', data: Buffer.alloc(0) }).bytes)
        socket.send(push([7, 8, 9]))
        socket.send(push(Array.from({ length: 5_000 }, (_, index) => index)))
      })
    })
    const sink = new Recorder()
    const client = clientOf(port, sink)
    expect(client.isOnline).toBe(false)
    await client.connect()
    expect(client.isOnline).toBe(true)
    expect(Object.fromEntries(query)).toMatchObject({ sendID: 'u 1', token: 't+/=', platformID: '5', sdkType: 'js' })

    const frame = new SendFrame({ sendID: 'u 1', platformID: 5, to: { recvID: 'v' }, textBytes: 150 })
    const bytes = Buffer.alloc(2 * frame.byteLength)
    frame.write(bytes, frame.write(bytes, 0, 7), 8)
    client.send(bytes)
    await until('all messages arrived', () => sink.messages.length === 2 * 5_003)
    expect(sink.answers).toEqual([
      { number: 7, errCode: 0 },
      { number: 8, errCode: 0 },
    ])
    expect(sink.messages.slice(0, 4)).toEqual([
      { number: 7, seq: 8 },
      { number: 8, seq: 9 },
      { number: 9, seq: 10 },
      { number: 0, seq: 1 },
    ])
    expect(sink.openChunks).toBe(0)
    expect(sink.reasons).toEqual([])
  })

  it('answers protocol pings and sends the heartbeat of official clients', async () => {
    const heard: string[] = []
    const port = await serve((socket) => {
      socket.on('pong', (payload) => heard.push(`pong ${payload.toString()}`))
      socket.on('message', (bytes: Buffer, isBinary) => {
        heard.push(bytes.toString())
        const decoded = codec.decode(bytes, isBinary)
        if (decoded.kind === 'control' && decoded.reply !== undefined) socket.send(decoded.reply.bytes.toString())
      })
      socket.send(welcome.bytes.toString())
      socket.ping('are you there')
    })
    const sink = new Recorder()
    const client = clientOf(port, sink)
    await client.connect()
    client.beat()
    await until('both were heard', () => heard.length === 2)
    expect(heard.toSorted()).toEqual(['pong are you there', '{"type":"ping"}'])
    expect(sink.reasons).toEqual([])
  })

  it('fails to connect when the login is refused', async () => {
    const port = await serve((socket) => socket.send('{"errCode":1502,"errMsg":"TokenInvalidError","errDlt":""}'))
    await expect(clientOf(port, new Recorder()).connect()).rejects.toThrow('1502')
  })

  it('fails to connect when nothing listens', async () => {
    const port = await serve(() => undefined)
    for (const close of closers.splice(0)) close()
    await until('the port is closed', async () => {
      const failure = await clientOf(port, new Recorder())
        .connect()
        .catch((error: unknown) => error)
      return String(failure).includes('ECONNREFUSED')
    })
  })

  it.each([
    ['a close frame', (socket: WebSocket) => socket.close(4001, 'drained'), '4001 drained'],
    ['a kick', (socket: WebSocket) => socket.send(Buffer.from('{"reqIdentifier":2002}')), 'kicked'],
    ['a broken frame', (socket: WebSocket) => socket.send(Buffer.from('junk')), 'Not an envelope'],
    ['a cut connection', (socket: WebSocket) => socket.terminate(), 'closed the connection'],
  ])('reports %s once', async (_name, act, reason) => {
    let atServer: WebSocket | undefined
    const port = await serve((socket) => {
      atServer = socket
      socket.send(welcome.bytes.toString())
    })
    const sink = new Recorder()
    const client = clientOf(port, sink)
    await client.connect()
    act(atServer!)
    await until('the loss is reported', () => sink.reasons.length > 0)
    expect(sink.reasons).toEqual([expect.stringContaining(reason)])
    expect(client.isOnline).toBe(false)
  })
})
