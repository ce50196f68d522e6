import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { serviceURL } from '@parlance/testing'
import { openMongo } from '@parlance/engines/mongo'
import { createImServer } from '@parlance/im-server'
import { copyToMongo } from '@parlance/im-server/copy'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Parlance } from './support/parlance.ts'

const url = serviceURL('mongo')

describe('parlance copy', () => {
  let parlance: Parlance
  beforeEach(() => void (parlance = new Parlance()))
  afterEach(() => parlance.end())

  it('says what is missing', async () => {
    const without = await parlance.call(['copy'])
    expect([without.code, without.err]).toEqual([2, expect.stringContaining('PARLANCE_MONGO_URL')])
    const empty = await parlance.call(['copy', '--mongo-url', 'mongodb://127.0.0.1:1'])
    expect([empty.code, empty.err]).toEqual([1, expect.stringContaining('there is no data of a server')])
  })

  it.skipIf(url === undefined)('copies, says what, and a second time touches nothing', async () => {
    const im = await createImServer({ dataDir: parlance.dataDir, logLevel: 'silent' }, {})
    await im.listen({ apiPort: 0, wsPort: 0 })
    const mongoURL = url!
    const namespace = `copy-${randomBytes(6).toString('hex')}`
    const environment = { PARLANCE_NAMESPACE: namespace }
    const running = await parlance.call(['copy', '--mongo-url', mongoURL], environment)
    expect([running.code, running.err]).toEqual([1, expect.stringContaining('is already open')])
    await im.stop()
    const first = await parlance.call(['copy', '--mongo-url', mongoURL], environment)
    expect([first.code, first.out]).toEqual([0, expect.stringMatching(/rows of user: \d+ copied, all the same/)])
    const second = await parlance.call(['copy'], { PARLANCE_MONGO_URL: mongoURL, ...environment })
    expect([second.code, second.out]).toEqual([0, expect.stringContaining('nothing was touched')])
    expect((await copyToMongo({ dataDir: parlance.dataDir, mongoURL, namespace })).wasDone).toBe(true)
    // What the new processes will be started with, in the file that tells them.
    const file = join(parlance.dataDir, 'settings.json')
    writeFileSync(file, JSON.stringify({ dataDir: parlance.dataDir, mongoURL, namespace }))
    const third = await parlance.call(['copy'], { PARLANCE_CONFIG: file, PARLANCE_DATA_DIR: '' })
    expect([third.code, third.out]).toEqual([0, expect.stringContaining('nothing was touched')])
    await drop(mongoURL, namespace)
  })
})

async function drop(mongoURL: string, database: string): Promise<void> {
  const mongo = await openMongo({ url: mongoURL, database })
  await mongo.run((db) => db.dropDatabase())
  await mongo.close()
}
