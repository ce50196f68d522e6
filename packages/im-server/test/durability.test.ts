import { cpSync } from 'node:fs'
import {
  contentTypes,
  errorCodes,
  groupConversationID,
  type MsgDataInput,
  singleConversationID,
} from '@parlance/openim-protocol'
import { temporaryFolder, until } from '@parlance/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { RawClient, RefusedRequest } from './support/raw-client.ts'
import { startServer, type TestServer } from './support/test-server.ts'

/** A disk whose fsync fails as long as the switch is on. */
class Disk {
  isBroken = false
  failureCount = 0

  beforeCommit(): void {
    if (!this.isBroken) return
    this.failureCount++
    throw Object.assign(new Error('disk I/O error'), { code: 'SQLITE_IOERR_FSYNC' })
  }
}

const withAda = singleConversationID('ada', 'bob')

describe('durability', () => {
  let disk: Disk
  let server: TestServer
  let groupID: string

  /** Starts a server with a good disk on what the stopped one left. A file whose flush failed is locked as long as its process lives. */
  const restarted = async (): Promise<TestServer> => {
    await server.im.stop()
    const folder = temporaryFolder()
    cpSync(server.folder.path, folder.path, { recursive: true })
    server.folder.remove()
    return startServer({}, folder)
  }

  const connect = async (userID: string): Promise<RawClient> =>
    RawClient.connect({ ws: server.ws, userID, token: await server.admin.userToken(userID, 5) })

  const readiness = async (): Promise<{ status: number; text: string }> => {
    const response = await fetch(`${server.api}/readyz`)
    return { status: response.status, text: await response.text() }
  }

  /** What users wrote among all that was pushed to a client. */
  const texts = (client: RawClient): string[] =>
    client.messages.filter(({ contentType }) => contentType === contentTypes.text).map(({ clientMsgID }) => clientMsgID)

  const idsIn = async (client: RawClient, conversationID: string): Promise<string[]> =>
    (await client.pullAll(conversationID)).map(({ clientMsgID }) => clientMsgID)

  beforeEach(async () => {
    disk = new Disk()
    server = await startServer({ logLevel: 'silent', faults: { engine: { beforeCommit: () => disk.beforeCommit() } } })
    await server.admin.register('ada', 'bob')
    groupID = await server.admin.createGroup('ada', ['bob'])
  })

  afterEach(() => server.stop())

  it('the live connection flushes every commit: WAL with synchronous FULL', async () => {
    expect(await server.im.storeDurability()).toEqual({ journal_mode: 'wal', synchronous: 2 })
  })

  it('the store is ready as long as its disk is', async () => {
    expect(await readiness()).toEqual({ status: 200, text: '{"ready":true,"dependencies":{"store":"ok"}}' })
  })

  describe('when the disk refuses to flush', () => {
    let ada: RawClient
    let bob: RawClient

    /** Everything that ada can send, by what it is. */
    const sends = (suffix: string): Readonly<Record<string, MsgDataInput>> => ({
      single: ada.text('single', { recvID: 'bob' }, `single ${suffix}`),
      group: ada.text('group', { groupID }, `group ${suffix}`),
      'online only': {
        ...ada.text('online only', { recvID: 'bob' }, `online ${suffix}`),
        options: { history: false, persistent: false },
      },
    })

    beforeEach(async () => {
      ;[ada, bob] = [await connect('ada'), await connect('bob')]
      await ada.send(ada.text('before', { recvID: 'bob' }, 'before'))
      for (const client of [ada, bob]) await until('the message is pushed', () => texts(client).length > 0)
      disk.isBroken = true
    })

    afterEach(() => {
      disk.isBroken = false
      for (const client of [ada, bob]) client.close()
    })

    /** What every kind of send came to, over the connection and through the API. */
    const outcomes = async (suffix: string): Promise<unknown[]> => {
      const overSocket = Object.values(sends(suffix)).map((message) => ada.send(message))
      const overApi = server.admin.call('/msg/send_msg', {
        sendID: 'ada',
        recvID: 'bob',
        content: { content: 'over the API' },
        contentType: 101,
        sessionType: 1,
      })
      const settled = await Promise.allSettled(overSocket)
      return [...settled.map((one) => (one.status === 'fulfilled' ? 'acknowledged' : one.reason)), await overApi]
    }

    it('no send is acknowledged, and every sender is told why', async () => {
      const refused = await outcomes('one')
      expect(disk.failureCount).toBeGreaterThan(0)
      for (const error of refused.slice(0, -1)) {
        expect(error).toBeInstanceOf(RefusedRequest)
        expect((error as RefusedRequest).errCode).toBe(errorCodes.ServerInternalError)
        expect((error as RefusedRequest).message).toMatch(/cannot write to its disk: nothing was stored/)
      }
      expect(refused.at(-1)).toMatchObject({
        errCode: errorCodes.ServerInternalError,
        errDlt: expect.stringMatching(/cannot write to its disk: nothing was stored/) as unknown,
      })
    })

    it('/readyz says so and names the store', async () => {
      await outcomes('one')
      const { status, text } = await readiness()
      expect(status).toBe(503)
      expect(JSON.parse(text)).toMatchObject({
        ready: false,
        dependencies: { store: expect.stringMatching(/disk.*failed.*nothing was stored.*restart/) as unknown },
      })
      expect((await fetch(`${server.api}/healthz`)).status).toBe(200)
    })

    it('nothing is pushed, nothing can be pulled, and what was there before is still served', async () => {
      await outcomes('one')
      expect(await idsIn(bob, withAda)).toEqual(['before'])
      expect(await idsIn(bob, groupConversationID(groupID))).toHaveLength(1)
      expect((await bob.seqs())[withAda]).toMatchObject({ maxSeq: 1 })
      for (const client of [ada, bob]) expect(texts(client)).toEqual(['before'])
    })

    it('a flush that failed once is final: what the disk holds is unknown until it is read again', async () => {
      await outcomes('one')
      disk.isBroken = false
      expect(await outcomes('two')).not.toContain('acknowledged')
      expect((await readiness()).status).toBe(503)
    })

    it('after a restart nothing of it is there, and sending works', async () => {
      await outcomes('one')
      server = await restarted()
      expect((await readiness()).status).toBe(200)
      ;[ada, bob] = [await connect('ada'), await connect('bob')]
      expect(await idsIn(bob, withAda)).toEqual(['before'])
      expect(await idsIn(bob, groupConversationID(groupID))).toHaveLength(1)
      for (const message of Object.values(sends('one'))) await ada.send(message)
      expect(await idsIn(bob, withAda)).toEqual(['before', 'single one'])
      expect((await idsIn(bob, groupConversationID(groupID))).slice(1)).toEqual(['group one'])
    })
  })
})
