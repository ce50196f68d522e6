import { randomUUID } from 'node:crypto'
import { type Mongo, openMongo } from '@parlance/engines/mongo'
import { serviceURL } from '@parlance/testing'

/** Where MongoDB is for tests, when it is anywhere. */
export const mongoURL = serviceURL('mongo')

/** A connection to a database of its own, and its end. */
export async function openDatabase(): Promise<{ mongo: Mongo; drop: () => Promise<void> }> {
  const mongo = await openMongo({ url: mongoURL!, database: `test_${randomUUID().slice(0, 12)}` })
  return {
    mongo,
    drop: async () => {
      await mongo.run((database) => database.dropDatabase())
      await mongo.close()
    },
  }
}
