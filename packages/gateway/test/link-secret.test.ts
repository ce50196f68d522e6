import { createHmac } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { NodeUnreachableError } from '@parlance/gateway'
import { until, VirtualClock } from '@parlance/testing'
import { describe, expect, it } from 'vitest'
import { bytes, openClient, openHost, secret, site, text } from './link-site.ts'

/** Speaks to a host by hand. */
class Stranger {
  readonly socket: Socket
  received = Buffer.alloc(0)
  isClosed = false

  constructor(address: string) {
    const [host, port] = address.split(':')
    this.socket = connect(Number(port), host)
    this.socket.on('error', (error) => error)
    this.socket.on('data', (chunk) => (this.received = Buffer.concat([this.received, chunk])))
    this.socket.on('close', () => (this.isClosed = true))
  }

  async closes(): Promise<string> {
    await until('it is cut off', () => this.isClosed)
    return this.received.subarray(5 + 32).toString('latin1')
  }
}

describe('who does not know the secret', () => {
  it('is refused, and whoever waits is told why', async () => {
    const node = await openHost({ ops: { echo: (payload) => payload } })
    const nodes = async () => [{ name: 'n1', incarnation: node.incarnation, address: node.address }]
    const client = openClient({ nodes, secret: 'another secret of enough bytes' })
    await expect(client.call('n1', 'echo', bytes(''), { timeoutMs: 300 })).rejects.toThrow('another secret')
  })

  it('gets nothing by repeating what was overheard', async () => {
    const { node, client } = await site()
    node.serve({ echo: (payload) => payload })
    const overheard: Buffer[] = []
    await client.call('n1', 'echo', bytes(''))
    // A hello is 5 bytes of head, 80 of nonce, link and proof, and the incarnation; recorded from a link of our own.
    const recorder = new Stranger(node.address)
    await until('it is challenged', () => recorder.received.length === 37)
    const hostNonce = recorder.received.subarray(5)
    overheard.push(helloFor(secret, hostNonce, node.incarnation))
    recorder.socket.write(overheard[0]!)
    await until('the genuine one is let in', () => recorder.received.length > 37)
    expect(recorder.received[37 + 4]).toBe(3)
    const replayer = new Stranger(node.address)
    await until('it is challenged', () => replayer.received.length === 37)
    replayer.socket.write(overheard[0]!)
    expect(await replayer.closes()).toContain('secret')
    recorder.socket.destroy()
  })

  it('is not given a call by a client that looks for a node', async () => {
    const impostor = await openHost({ secret: 'the secret of an impostor', ops: { echo: (payload) => payload } })
    const nodes = async () => [{ name: 'n1', incarnation: impostor.incarnation, address: impostor.address }]
    const client = openClient({ nodes })
    await expect(client.call('n1', 'echo', bytes('confidential'), { timeoutMs: 300 })).rejects.toThrow(
      NodeUnreachableError,
    )
  })

  it('is cut off when it says nothing, too much, or something else', async () => {
    const clock = new VirtualClock()
    const node = await openHost({ clock })
    const silent = new Stranger(node.address)
    await until('it is challenged', () => silent.received.length === 37)
    const loud = new Stranger(node.address)
    loud.socket.write(Buffer.from([0, 1, 0, 0, 2]))
    await loud.closes()
    const other = new Stranger(node.address)
    other.socket.write(Buffer.from([0, 0, 0, 1, 9]))
    await other.closes()
    const short = new Stranger(node.address)
    short.socket.write(Buffer.from([0, 0, 0, 2, 2, 0]))
    await short.closes()
    expect(silent.isClosed).toBe(false)
    await clock.advance(5_000)
    await silent.closes()
  })

  it('keeps nobody else out, however many they are', async () => {
    const node = await openHost({ ops: { echo: (payload) => payload } })
    const crowd = Array.from({ length: 80 }, () => new Stranger(node.address))
    await until('some are cut off', () => crowd.filter(({ isClosed }) => isClosed).length >= 16)
    const client = openClient({
      nodes: async () => [{ name: 'n1', incarnation: node.incarnation, address: node.address }],
    })
    expect(text(await client.call('n1', 'echo', bytes('in')))).toBe('in')
    for (const { socket } of crowd) socket.destroy()
  })
})

/** A hello put together from its description, not by the code that is tested. */
function helloFor(known: string, hostNonce: Buffer, incarnation: string): Buffer {
  const key = createHmac('sha256', known).update('parlance node link 1').digest()
  const [clientNonce, linkID, run] = [Buffer.alloc(32, 1), Buffer.alloc(16, 2), Buffer.from(incarnation)]
  const mac = createHmac('sha256', key).update('client')
  for (const part of [hostNonce, clientNonce, linkID, run]) {
    const length = Buffer.alloc(8)
    length.writeDoubleBE(part.length)
    mac.update(length).update(part)
  }
  const body = Buffer.concat([clientNonce, linkID, mac.digest(), run])
  const head = Buffer.alloc(5)
  head.writeUInt32BE(1 + body.length)
  head[4] = 2
  return Buffer.concat([head, body])
}
