import { createHash, randomBytes } from 'node:crypto'
import { createMongoEntityStore } from '@parlance/cached-repository/mongo'
import { type Mongo, openMongo } from '@parlance/engines/mongo'
import { serviceURL } from '@parlance/testing'
import { afterAll, describe } from 'vitest'
import { useStore } from './open-house.ts'

const url = serviceURL('mongo')

/** Everything that is about behaviour, on rows in MongoDB. */
describe.skipIf(url === undefined)('on MongoDB', async () => {
  if (url === undefined) return
  const mongo = await openMongo({ url, database: `parlance_test_${randomBytes(6).toString('hex')}` })
  useStore(({ folder, lists, log, limits }) =>
    createMongoEntityStore({ mongo: within(mongo, folder.path), lists, log, ...limits }),
  )
  afterAll(async () => {
    await mongo.run((database) => database.dropDatabase())
    await mongo.close()
  })
  await import('./rows.test.ts')
  await import('./together.test.ts')
  await import('./invalidation.test.ts')
  await import('./consistency.test.ts')
  await import('./concurrency.test.ts')
  await import('./pages.test.ts')
  await import('./local-bound.test.ts')
  await import('./unnameable.test.ts')
  await import('./spread.test.ts')
  await import('./reopen.test.ts')
})

/** Collections of their own for each house, the same ones for a house that is opened again. */
function within(mongo: Mongo, path: string): Mongo {
  const prefix = createHash('sha256').update(path).digest('hex').slice(0, 12)
  return {
    database: mongo.database,
    run: (work) => mongo.run(work),
    on: (collection, work) => mongo.on(`${prefix}.${collection}`, work),
    ensureIndexes: (collection, indexes) => mongo.ensureIndexes(`${prefix}.${collection}`, indexes),
    onCommand: (listener) => mongo.onCommand(listener),
    onReply: (listener) => mongo.onReply(listener),
    health: () => mongo.health(),
    close: async () => undefined,
  }
}
