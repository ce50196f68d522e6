import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { runSeed, seededRandom, serviceURL, startProgram, until } from '@parlance/testing'
import { describe, expect, it } from 'vitest'
import { Auditor } from './auditor.ts'
import { allKeys, authorIDs, post, posts, profiles } from './board.ts'
import { openMongoHouse } from './mongo-house.ts'

const [mongoURL, redisURL] = [serviceURL('mongo'), serviceURL('redis')]
const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url))
const runTypeScript = here('../../../test/run-typescript.mjs')
const rounds = 4

describe.skipIf(mongoURL === undefined || redisURL === undefined)('processes that write the same rows and die', () => {
  it(
    'leave no rule half done, no update lost, and every list and cache as the store',
    { timeout: 240_000 },
    async () => {
      const site = { mongoURL: mongoURL!, redisURL: redisURL!, name: `parlance_test_${randomBytes(6).toString('hex')}` }
      const seed = runSeed()
      const random = seededRandom(seed)
      const house = await openMongoHouse(site)
      const { mongo, store, repositories } = house
      const unfinished = async (): Promise<number> => {
        const marked = ['entity_post', 'entity_profile'].map((name) =>
          mongo.on(name, (on) => on.countDocuments({ '_marks.0': { $exists: true } })),
        )
        const intents = mongo.on('entities.intents', (on) => on.countDocuments({}))
        return (await Promise.all([...marked, intents])).reduce((sum, count) => sum + count, 0)
      }
      const ofPosts = repositories.of(posts)
      const ofProfiles = repositories.of(profiles)
      const key = { spaceID: 's1', authorID: authorIDs[0]! }
      await ofPosts.putMany([post({ ...allKeys[0]!, title: 'b' }), post({ ...allKeys[1]!, title: '0' })])
      await ofProfiles.put({ ...key, bio: 'b' })
      const auditor = new Auditor(repositories)
      expect(await auditor.differences()).toEqual([])
      let counted = 0
      for (let round = 1; round <= rounds; round++) {
        const writers = [1, 2].map((writer) =>
          startProgram(
            runTypeScript,
            here('./child/write-mongo.ts'),
            JSON.stringify(site),
            String(seed + 10 * round + writer),
            String(20 + random.int(200)),
          ),
        )
        await Promise.all(writers.map((writer) => writer.ended))
        counted += writers.flatMap(({ lines }) => lines).filter((line) => line === 'count').length
        await until('what they left is finished', async () => {
          await store.recover()
          return (await unfinished()) === 0
        })
        expect(await auditor.differences(), `round ${round} of seed ${seed}`).toEqual([])
        const [pair, counter] = await ofPosts.getMany(allKeys.slice(0, 2), { read: 'store' })
        expect(pair!.title).toBe((await ofProfiles.require(key, { read: 'store' })).bio)
        const count = Number(counter!.title)
        expect(count).toBeGreaterThanOrEqual(counted)
        // Three at once in each of two processes, whose answers died with them.
        expect(count).toBeLessThanOrEqual(counted + 6 * round)
      }
      expect(counted).toBeGreaterThan(0)
      await house.clean()
      await house.close()
    },
  )
})
