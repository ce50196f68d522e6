import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { openMongoStreamStore } from '@parlance/cached-repository/mongo'
import { type Mongo, openMongo } from '@parlance/engines/mongo'
import { MsgData } from '@parlance/openim-protocol'
import { serviceURL, startProgram } from '@parlance/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { copyToMongo } from '../src/copy.ts'
import { groupAddress, singleAddress } from '../src/domain/messages/address.ts'
import { RawClient } from './support/raw-client.ts'
import { startServer, type TestServer } from './support/test-server.ts'

const url = serviceURL('mongo')
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
const runTypeScript = here('../../../test/run-typescript.mjs')

describe.skipIf(url === undefined)('moving a server from its file to MongoDB', () => {
  let server: TestServer
  let mongoURL: string
  let mongo: Mongo

  beforeEach(async () => {
    const database = `copy_${randomBytes(6).toString('hex')}`
    mongoURL = `${url}/${database}`
    mongo = await openMongo({ url: mongoURL })
    server = await startServer({ logLevel: 'silent' })
  })
  afterEach(async () => {
    await mongo.run((db) => db.dropDatabase())
    await mongo.close()
    await server.stop()
  })

  it('killed at any step and begun again, it ends with everything', async () => {
    await server.admin.register('ada', 'bob', 'eve')
    const groupID = await server.admin.createGroup('ada', ['bob', 'eve'])
    const ada = await RawClient.connect({ ws: server.ws, userID: 'ada', token: await server.admin.userToken('ada', 5) })
    for (let index = 0; index < 250; index++)
      await ada.send(ada.text(`text ${index}`, index % 2 === 0 ? { recvID: 'bob' } : { groupID }))
    const addresses = [singleAddress('ada', 'bob'), groupAddress(groupID)]
    const sent = await Promise.all(addresses.map(({ conversationID }) => ada.pullAll(conversationID)))
    ada.close()
    const dataDir = server.folder.path
    await expect(copyToMongo({ dataDir, mongoURL })).rejects.toMatchObject({ code: 'SQLITE_LOCKED' })
    await server.im.stop()

    for (const step of [1, 4, 9, 16, 17, 18, 19, 22, 30]) {
      const child = startProgram(runTypeScript, here('./child/copy.ts'), dataDir, mongoURL, String(step))
      await child.ended
      if (child.lines.includes('copied')) break
    }
    const report = await copyToMongo({ dataDir, mongoURL })
    const counts = new Map(report.parts.map(({ name, count }) => [name, count]))
    expect(counts.get('rows of user')).toBeGreaterThanOrEqual(4)
    expect(counts.get('rows of group_member')).toBe(3)

    server = await startServer({ logLevel: 'silent' }, server.folder)
    const streams = await openMongoStreamStore({ mongo, log: { publish: async () => undefined } })
    for (const [index, { stream }] of addresses.entries()) {
      const messages = await streams.read(`message:${stream}`, 1, 1000)
      expect(messages.map(({ seq, payload }) => [seq, MsgData.decode(payload).clientMsgID])).toEqual(
        sent[index]!.map(({ seq, clientMsgID }) => [seq, clientMsgID]),
      )
    }
    expect(await mongo.on('entity_user', (on) => on.findOne({ userID: 'bob' }))).toMatchObject({ _id: 'bob' })
    await streams.close()
  })
})
