import { fileURLToPath } from 'node:url'
import { randomBytes } from 'node:crypto'
import { startProgram, type TemporaryFolder, temporaryFolder, until } from '@parlance/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { copyToMongo } from '../src/copy.ts'
import { groupAddress, singleAddress } from '../src/domain/messages/address.ts'
import { createImServer, roles } from '../src/index.ts'
import { ApiClient } from './support/api-client.ts'
import { RawClient } from './support/raw-client.ts'
import { dropNamespace, startCluster, testServices } from './support/test-cluster.ts'

const services = testServices()
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
const runTypeScript = here('../../../test/run-typescript.mjs')

describe.skipIf(services === undefined)('moving a server from its file to MongoDB', () => {
  const { mongoURL } = services ?? { mongoURL: '' }
  let folder: TemporaryFolder
  let namespace: string

  beforeEach(() => {
    folder = temporaryFolder()
    namespace = `copy-${randomBytes(6).toString('hex')}`
  })
  afterEach(async () => {
    await dropNamespace(services!, namespace)
    folder.remove()
  })

  it('a copy whose data changed since is refused, done or interrupted, and says what to do', async () => {
    const dataDir = folder.path
    const copy = { dataDir, mongoURL, namespace }
    const runOnce = async (userID: string): Promise<void> => {
      const im = await createImServer({ dataDir, logLevel: 'silent' }, {})
      await im.listen({ apiPort: 0, wsPort: 0 })
      await im.ensureUser({ userID, nickname: userID })
      await im.stop()
    }
    const refusal = {
      code: 'COPY_OUTDATED',
      message: expect.stringMatching(/drop that database and copy again/) as string,
    }
    await runOnce('ada')
    const child = startProgram(runTypeScript, here('./child/copy.ts'), dataDir, mongoURL, namespace, '9')
    await child.ended
    await runOnce('bob')
    await expect(copyToMongo(copy)).rejects.toMatchObject(refusal)
    await dropNamespace(services!, namespace)
    expect((await copyToMongo(copy)).wasDone).toBe(false)
    expect((await copyToMongo(copy)).wasDone).toBe(true)
    await runOnce('eve')
    await expect(copyToMongo(copy)).rejects.toMatchObject(refusal)
  })

  it('killed at any step and begun again, it ends with everything, and clients go on where they were', async () => {
    const dataDir = folder.path
    const im = await createImServer({ dataDir, logLevel: 'silent' }, {})
    const { api, ws } = await im.listen({ apiPort: 0, wsPort: 0 })
    const admin = await ApiClient.admin(api, im.adminSecret)
    await admin.register('ada', 'bob', 'eve')
    const groupID = await admin.createGroup('ada', ['bob', 'eve'])
    const token = await admin.userToken('ada', 5)
    const ada = await RawClient.connect({ ws, userID: 'ada', token })
    for (let index = 0; index < 250; index++)
      await ada.send(ada.text(`text ${index}`, index % 2 === 0 ? { recvID: 'bob' } : { groupID }))
    const last = ada.text('the last one', { recvID: 'bob' })
    await ada.send(last)
    const { conversationID } = singleAddress('ada', 'bob')
    const conversationIDs = [conversationID, groupAddress(groupID).conversationID]
    const seen = async (client: RawClient) =>
      Promise.all(
        conversationIDs.map(async (one) =>
          (await client.pullAll(one)).map(({ seq, clientMsgID, serverMsgID }) => [seq, clientMsgID, serverMsgID]),
        ),
      )
    const before = await seen(ada)
    const marks = await ada.seqs(conversationIDs)
    ada.close()
    const copy = { dataDir, mongoURL, namespace }
    await expect(copyToMongo(copy)).rejects.toMatchObject({ code: 'SQLITE_LOCKED' })
    await im.stop()

    for (const step of [1, 4, 9, 16, 17, 18, 19, 22, 30]) {
      const child = startProgram(runTypeScript, here('./child/copy.ts'), dataDir, mongoURL, namespace, String(step))
      await child.ended
      if (child.lines.includes('copied')) break
      if (step === 9)
        await expect(startCluster(services!, { dataDir }, [[...roles]], namespace)).rejects.toThrow(/copy/)
    }
    const report = await copyToMongo(copy)
    const counts = new Map(report.parts.map(({ name, count }) => [name, count]))
    expect(counts.get('rows of user')).toBeGreaterThanOrEqual(4)
    expect(counts.get('rows of group_member')).toBe(3)

    const cluster = await startCluster(services!, { dataDir }, [[...roles]], namespace)
    try {
      const [process] = cluster.processes
      const again = await RawClient.connect({ ws: process!.addresses.ws, userID: 'ada', token })
      expect(await seen(again)).toEqual(before)
      expect(await again.seqs(conversationIDs)).toEqual(marks)
      // What was sent before is known; what is new comes right behind.
      await again.send(last)
      await again.send(again.text('one more', { recvID: 'bob' }, 'one more'))
      const newest = async () => (await again.pullAll(conversationID)).at(-1)
      await until('the new message is stored', async () => (await newest())?.clientMsgID === 'one more')
      expect((await newest())!.seq).toBe(before[0]!.length + 1)
      again.close()
    } finally {
      await cluster.stop()
    }
  })
})
