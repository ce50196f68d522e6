import { ParlanceError } from '@parlance/core'
import { seededRandom } from '@parlance/testing'
import { allKeys, authorIDs, days, post, posts, profiles, states } from '../board.ts'
import { openMongoHouse, type Site } from '../mongo-house.ts'

/**
 * Writes without end, and dies before the durable step whose number it is given. Prints what it was told is done: `count` for one more
 * on the counter, `pair` for a rule over two rows.
 */
export async function main([site, seed, dieAt]: string[]): Promise<void> {
  let left = Number(dieAt)
  const beforeStep = (): void => {
    if (left-- <= 0) process.kill(process.pid, 'SIGKILL')
  }
  const { repositories } = await openMongoHouse(JSON.parse(site!) as Site, { beforeStep })
  const source = seededRandom(Number(seed))
  const random = () => source.next()
  const pick = <T>(from: readonly T[]): T => source.pick(from)
  const ofPosts = repositories.of(posts)
  repositories.of(profiles)
  const change = () => ({
    authorID: pick(authorIDs),
    state: pick(states),
    isPinned: random() < 0.5,
    postedAt: pick(days),
  })
  const free = allKeys.slice(2)
  const works = [
    () => ofPosts.put(post({ ...pick(free), ...change() })),
    () => ofPosts.insert(post({ ...pick(free), ...change() })),
    () => ofPosts.patch(pick(free), change()),
    () => ofPosts.delete(pick(free)),
    () => ofPosts.patch(allKeys[0]!, change()),
    () => repositories.of(profiles).put({ spaceID: 's:2', authorID: pick(authorIDs), bio: String(random()) }),
    async () => {
      const bio = `b${random()}`
      await repositories.together((together) => {
        together.patch(posts, allKeys[0]!, { title: bio })
        together.put(profiles, { spaceID: 's1', authorID: authorIDs[0]!, bio })
      })
      process.stdout.write('pair\n')
    },
    async () => {
      await repositories.together((together) => {
        for (const key of [pick(free), pick(free)])
          if (random() < 0.3) together.delete(posts, key)
          else together.put(posts, post({ ...key, ...change() }))
        together.require(posts, pick([allKeys[0]!, allKeys[1]!]), { ifRevision: 1 + Math.floor(random() * 4) })
      })
    },
    async () => {
      const { row, revision } = (await ofPosts.getWithRevision(allKeys[1]!, { read: 'store' }))!
      await ofPosts.patch(allKeys[1]!, { title: String(Number(row.title) + 1) }, { ifRevision: revision })
      process.stdout.write('count\n')
    },
  ]
  const worker = async (): Promise<void> => {
    for (;;)
      await pick(works)().catch((error: unknown) => {
        if (!ParlanceError.is(error)) throw error
      })
  }
  await Promise.all([worker(), worker(), worker()])
}
