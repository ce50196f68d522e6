import { randomBytes } from 'node:crypto'
import { entityStoreContract, spreadContract } from '@parlance/cached-repository/contract'
import { createMongoEntityStore } from '@parlance/cached-repository/mongo'
import { type Mongo, openMongo } from '@parlance/engines/mongo'
import { SqliteEngine } from '@parlance/engines/sqlite'
import { createEmbeddedChangeLists, createEmbeddedEventLog } from '@parlance/notification-bus/embedded'
import { createEmbeddedJournal } from '@parlance/seq-allocator/embedded'
import { serviceURL, temporaryFolder } from '@parlance/testing'
import { afterAll, beforeAll, describe } from 'vitest'

const url = serviceURL('mongo')

describe.skipIf(url === undefined)('on MongoDB', () => {
  let mongo: Mongo
  const closes = new WeakMap<object, () => Promise<void>>()
  beforeAll(async () => {
    mongo = await openMongo({ url: url!, database: `parlance_test_${randomBytes(6).toString('hex')}` })
  })
  afterAll(async () => {
    await mongo.run((database) => database.dropDatabase())
    await mongo.close()
  })

  async function open() {
    await mongo.run((database) => database.dropDatabase())
    const folder = temporaryFolder()
    const engine = SqliteEngine.open({ path: `${folder.path}/test.db` })
    const journal = createEmbeddedJournal({ engine })
    const lists = createEmbeddedChangeLists({ engine })
    const log = createEmbeddedEventLog({ engine, journal })
    const store = createMongoEntityStore({ mongo, lists, log })
    const parts = { store, lists }
    closes.set(parts, async () => {
      await store.close()
      await log.close()
      await engine.close()
      folder.remove()
    })
    return parts
  }

  const close = (parts: object): Promise<void> => closes.get(parts)!()

  entityStoreContract('MongoDB', { open, close })
  spreadContract('MongoDB', { open, close })
})
