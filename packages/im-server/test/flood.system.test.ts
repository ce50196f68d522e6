import { randomUUID } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import {
  clientFrameCodec,
  contentTypes,
  type FrameDialect,
  groupConversationID,
  GetMaxSeqReq,
  opCodes,
  requestLimits,
} from '@parlance/openim-protocol'
import { type TemporaryFolder, temporaryFolder, until } from '@parlance/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { report } from './support/report.ts'
import { ApiClient } from './support/api-client.ts'
import { HealthyPair } from './support/healthy-pair.ts'
import { RawClient } from './support/raw-client.ts'
import { canReadMemory, ResidentMemory } from './support/resident-memory.ts'
import { ServerProcess } from './support/server-process.ts'

const floodSeconds = Number(process.env['PARLANCE_FLOOD_SECONDS'] ?? 15)
const connectionCount = 200
const warmUpRounds = 10
const slowReaderCount = 50
const frameLimitBytes = 51_200
const inflatedBytes = 50_000_000
const messageCount = 2_000
const warmUpCount = 2_000
const messageBytes = 48_000
const sendsAtOnce = 8
const growthLimitBytes = 64 * 1024 * 1024
const platformID = 5
const megabytes = (bytes: number): string => `${Math.round(bytes / 1024 / 1024)} MiB`

if (!canReadMemory) report('flood: there is no /proc here, so the memory of the server is not checked')

const gzipDialects = ['js', 'go'] as const

const request = {
  op: opCodes.getNewestSeq,
  token: '',
  sendID: 'a flooder',
  operationID: 'flood',
  msgIncr: 'flood',
  data: GetMaxSeqReq.encode({ userID: 'a flooder' }),
}

/** Valid frames of 50 MB, which take less than a frame's limit when they are compressed: of one piece of gzip, and of two. */
function bombs(sdkType: 'js' | 'go'): Buffer[] {
  const codec = clientFrameCodec({ sdkType })
  if (sdkType === 'go') return [gzipSync(codec.encodeRequest({ ...request, data: Buffer.alloc(inflatedBytes) }).bytes)]
  // JSON may have any number of spaces in front.
  const spaces = Buffer.alloc(inflatedBytes, ' ')
  const { bytes } = codec.encodeRequest(request)
  return [gzipSync(Buffer.concat([spaces, bytes])), Buffer.concat([gzipSync(spaces), gzipSync(bytes)])]
}

/** The largest frame that is read: it asks for nothing that is stored, and gets an answer. */
function largest(sdkType: 'js' | 'go'): Buffer {
  // JSON takes four digits for three bytes.
  const dataBytes = (requestLimits.maxInflatedBytes - 1024) * (sdkType === 'js' ? 0.75 : 1)
  const frame = { ...request, op: 9999, data: Buffer.alloc(dataBytes) }
  return clientFrameCodec({ sdkType, compression: 'gzip' }).encodeRequest(frame).bytes
}

/** Somebody who is let in, writes one frame, and comes back as soon as the connection is over. */
class Flooder {
  sent = 0
  readonly problems: string[] = []
  readonly #address: string
  readonly #frame: Buffer
  readonly #endsBy: number
  #socket: WebSocket | undefined
  #isOver = false

  /** @param endsBy - 3500 when the server ends the connection because of the frame; 1005 for a frame it answers. */
  constructor(address: string, frame: Buffer, endsBy: 3500 | 1005) {
    this.#address = address
    this.#frame = frame
    this.#endsBy = endsBy
  }

  begin(): void {
    const socket = new WebSocket(this.#address, { perMessageDeflate: false })
    this.#socket = socket
    socket.on('message', (data: Buffer, isBinary) => {
      if (isBinary) {
        if (this.#endsBy === 1005) socket.close()
        return
      }
      if (!data.toString().startsWith('{"errCode":0,')) this.problems.push(`refused: ${data.toString()}`)
      socket.send(this.#frame, { binary: true })
      this.sent++
    })
    socket.on('error', (error) => void (this.#isOver || this.problems.push(error.message)))
    socket.on('close', (code) => {
      if (this.#isOver) return
      if (code !== this.#endsBy) this.problems.push(`closed with ${code}`)
      this.begin()
    })
  }

  end(): void {
    this.#isOver = true
    this.#socket?.terminate()
  }
}

/** Somebody who is let in, and then reads everything or never another byte. */
function welcomed(address: string, doesRead: boolean): Promise<WebSocket> {
  const socket = new WebSocket(address, { perMessageDeflate: false })
  return new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.once('message', () => {
      if (!doesRead) socket.pause()
      socket.off('error', reject)
      socket.on('error', () => socket.terminate())
      resolve(socket)
    })
  })
}

describe('a flood', () => {
  let folder: TemporaryFolder
  let server: ServerProcess
  let admin: ApiClient
  let healthy: HealthyPair

  const addressOf = (userID: string, token: string, { sdkType, compression }: FrameDialect): string => {
    const query = new URLSearchParams({
      sendID: userID,
      token,
      platformID: String(platformID),
      operationID: randomUUID(),
      isBackground: 'false',
      isMsgResp: 'true',
      sdkType,
      ...(compression === undefined ? {} : { compression }),
    })
    return `${server.ws}/?${query}`
  }

  const newUsers = async (count: number, prefix: string): Promise<string[]> => {
    const userIDs = Array.from({ length: count }, (_, index) => `${prefix}${index}`)
    await admin.register(...userIDs)
    return userIDs
  }

  const metric = async (name: string): Promise<number> => {
    const text = await (await fetch(`${server.api}/metrics`)).text()
    const line = text.split('\n').find((one) => one.startsWith(`${name} `))
    return Number(line?.split(' ')[1] ?? 0)
  }

  /** Lets every flooder go on, and exchanges healthy messages one after the other meanwhile. */
  const flood = async (flooders: readonly Flooder[], isOver: () => boolean): Promise<void> => {
    for (const flooder of flooders) flooder.begin()
    do {
      await healthy.exchange()
      expect(flooders.flatMap(({ problems }) => problems)).toEqual([])
      expect(server.exit).toBeUndefined()
    } while (!isOver())
    for (const flooder of flooders) flooder.end()
  }

  beforeEach(async () => {
    folder = temporaryFolder()
    server = await ServerProcess.start(folder.path)
    admin = await ApiClient.admin(server.api, server.secret)
    healthy = await HealthyPair.connect(server.ws, admin)
  })

  afterEach(async () => {
    healthy.close()
    await server.stop()
    folder.remove()
  })

  it(`of ${connectionCount} connections with gzip bombs for ${floodSeconds} s takes bounded memory, and others are served`, async () => {
    const userIDs = await newUsers(connectionCount, 'flooder')
    const addresses = await Promise.all(
      userIDs.map(async (userID, index) => {
        const sdkType = gzipDialects[index % gzipDialects.length]!
        const token = await admin.userToken(userID, platformID)
        return { sdkType, address: addressOf(userID, token, { sdkType, compression: 'gzip' }) }
      }),
    )
    const frames = { js: bombs('js'), go: bombs('go') }
    const sizes = Object.values(frames).flatMap((some) => some.map(({ length }) => length))
    for (const size of sizes) {
      expect(size).toBeGreaterThan(frameLimitBytes * 0.9)
      expect(size).toBeLessThanOrEqual(frameLimitBytes)
    }
    // The level that growth is measured from: what the same connections take with the largest frames that are allowed.
    const memory = new ResidentMemory(server.pid)
    const harmless = addresses.map(({ sdkType, address }) => new Flooder(address, largest(sdkType), 1005))
    await flood(harmless, () => harmless.every(({ sent }) => sent >= warmUpRounds))
    const levelBytes = memory.highestBytes

    const flooders = addresses.map(({ sdkType, address }, index) => {
      const some = frames[sdkType]
      return new Flooder(address, some[Math.floor(index / gzipDialects.length) % some.length]!, 3500)
    })
    const before = healthy.sent
    const endsAt = performance.now() + floodSeconds * 1000
    await flood(flooders, () => performance.now() > endsAt)
    const exchanged = healthy.sent - before
    memory.stop()
    const sent = flooders.reduce((sum, flooder) => sum + flooder.sent, 0)
    report(
      `flood: ${sent} bombs of ${sizes.join(', ')} bytes in ${floodSeconds} s, ${exchanged} healthy messages meanwhile; memory ${megabytes(levelBytes)} before, at most ${megabytes(memory.highestBytes)}`,
    )
    await healthy.exchange()
    expect(flooders.filter((flooder) => flooder.sent < 2)).toEqual([])
    expect(exchanged).toBeGreaterThan(5)
    if (canReadMemory) expect(memory.highestBytes - levelBytes).toBeLessThanOrEqual(growthLimitBytes)
  })

  it(`of messages to ${slowReaderCount} members who never read takes bounded memory, and the others get everything`, async () => {
    const gzip = { sdkType: 'go', compression: 'gzip' } as const
    const [ownerID, memberID] = ['owner', 'member']
    const slowIDs = await newUsers(slowReaderCount, 'slow')
    await admin.register(ownerID, memberID)
    const groupID = await admin.createGroup(ownerID, [memberID, ...slowIDs])
    const conversationID = groupConversationID(groupID)
    const connect = async (userID: string): Promise<RawClient> =>
      RawClient.connect({ ws: server.ws, userID, token: await admin.userToken(userID, platformID), dialect: gzip })
    const [owner, member] = [await connect(ownerID), await connect(memberID)]
    const content = Buffer.from(JSON.stringify({ content: 'x'.repeat(messageBytes) }))

    /** Sends to the group, a few at a time, until the member has got each one once and in order. */
    const sendAll = async (name: string, count: number): Promise<void> => {
      let next = 0
      const one = async (): Promise<void> => {
        while (next < count) {
          const clientMsgID = `${name} ${next++}`
          await owner.send({ ...owner.text('', { groupID }, clientMsgID), content })
          if (next % 100 === 0) await healthy.exchange()
        }
      }
      await Promise.all(Array.from({ length: sendsAtOnce }, one))
      await until(`the member has got every message of ${name}`, () => texts(member, name) === count, 120_000)
      const seqs = member.messages.filter(({ contentType }) => contentType === contentTypes.text).map(({ seq }) => seq)
      expect(seqs).toEqual(seqs.toSorted((one, other) => one - other))
      for (const client of [owner, member]) client.frames.length = 0
    }

    const everybody = (doesRead: boolean): Promise<WebSocket[]> =>
      Promise.all(
        slowIDs.map(async (userID, index) => {
          const sdkType = gzipDialects[index % gzipDialects.length]!
          return welcomed(addressOf(userID, await admin.userToken(userID, platformID), { sdkType }), doesRead)
        }),
      )

    // The level that growth is measured from: the same connections, when everybody reads. It fills every cache.
    const memory = new ResidentMemory(server.pid)
    const readers = await everybody(true)
    await sendAll('warm-up', warmUpCount)
    for (const socket of readers) socket.terminate()
    const levelBytes = memory.highestBytes

    const slow = await everybody(false)
    await sendAll('flood', messageCount)
    memory.stop()
    if (canReadMemory) expect(memory.highestBytes - levelBytes).toBeLessThanOrEqual(growthLimitBytes)
    // A client that cannot find gaps by itself is told to come back, the others miss pushes and pull.
    const closedCount = slowIDs.length / gzipDialects.length
    await until(
      'the server has let go of those who cannot find gaps',
      async () => (await metric('gateway_closed_total{code="3001"}')) === closedCount,
      120_000,
    )
    const dropped = await metric('gateway_pushes_dropped_total')
    expect(dropped).toBeGreaterThan(messageCount)
    report(
      `flood: ${messageCount} messages of ${messageBytes} bytes to ${slowReaderCount} who never read: ${closedCount} closed, ${dropped} pushes left out; memory ${megabytes(levelBytes)} before, at most ${megabytes(memory.highestBytes)}`,
    )

    // Whoever comes back finds what was missed.
    const { maxSeq } = (await owner.seqs([conversationID]))[conversationID]!
    expect(maxSeq).toBe(1 + warmUpCount + messageCount)
    for (const userID of slowIDs.slice(0, gzipDialects.length)) {
      const again = await connect(userID)
      expect((await again.seqs([conversationID]))[conversationID]).toMatchObject({ maxSeq })
      const last = await again.pullAll(conversationID, maxSeq - 9)
      expect(last.map(({ clientMsgID }) => clientMsgID)).toHaveLength(10)
      again.close()
    }
    for (const socket of slow) socket.terminate()
    for (const client of [owner, member]) client.close()
  })
})

const texts = (client: RawClient, name: string): number =>
  new Set(client.messages.map(({ clientMsgID }) => clientMsgID).filter((id) => id.startsWith(name))).size
