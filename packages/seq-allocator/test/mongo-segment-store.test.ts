import { randomBytes } from 'node:crypto'
import { type Mongo, openMongo } from '@parlance/engines/mongo'
import type { SegmentStore } from '@parlance/seq-allocator'
import { segmentStoreContract } from '@parlance/seq-allocator/contract'
import { createMongoSegmentStore } from '@parlance/seq-allocator/mongo'
import { serviceURL } from '@parlance/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const url = serviceURL('mongo')

describe.skipIf(url === undefined)('segments in MongoDB', () => {
  const opened = new Map<object, Mongo>()
  const open = async (): Promise<SegmentStore> => {
    const mongo = await openMongo({ url: url!, database: `segments_${randomBytes(6).toString('hex')}` })
    const store = createMongoSegmentStore({ mongo })
    opened.set(store, mongo)
    return store
  }
  const close = async (store: object): Promise<void> => {
    const mongo = opened.get(store)!
    await mongo.run((db) => db.dropDatabase())
    await mongo.close()
  }

  segmentStoreContract('MongoDB', { open, close })

  describe('many processes', () => {
    let store: SegmentStore
    beforeAll(async () => void (store = await open()))
    afterAll(() => close(store))

    it('take one round trip per reservation, and never the same number', async () => {
      const mongo = opened.get(store)!
      const second = await openMongo({ url: url!, database: mongo.database })
      const other = createMongoSegmentStore({ mongo: second })
      await store.reserve('s', 1)
      let commands = 0
      const stop = mongo.onCommand(() => commands++)
      const ranges = await Promise.all(
        Array.from({ length: 60 }, (_, index) => (index % 2 === 0 ? store : other).reserve('s', 3)),
      )
      stop()
      await second.close()
      expect(commands).toBe(30)
      const firsts = ranges.map(({ first }) => first).toSorted((a, b) => a - b)
      expect(firsts).toEqual(Array.from({ length: 60 }, (_, index) => 2 + 3 * index))
    })

    it('make the same new stream at once', async () => {
      const ranges = await Promise.all(Array.from({ length: 20 }, () => store.reserve('new', 1)))
      expect(new Set(ranges.map(({ first }) => first)).size).toBe(20)
    })
  })
})
