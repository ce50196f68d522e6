import { createRepositories } from '@parlance/cached-repository'
import { createCache } from '@parlance/rockscache'
import { createEmbeddedCacheStore } from '@parlance/rockscache/embedded'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Auditor } from './auditor.ts'
import { allKeys, authorIDs, days, post, type PostInput, posts, states } from './board.ts'
import { openHouse } from './open-house.ts'

const change = fc.record(
  {
    authorID: fc.constantFrom(...authorIDs),
    state: fc.constantFrom(...states),
    isPinned: fc.boolean(),
    postedAt: fc.constantFrom(...days),
    title: fc.constantFrom('a', 'm', 'z'),
    label: fc.constantFrom('hot', 'cold'),
  },
  { requiredKeys: [] },
)
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('put' as const), change }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('patch' as const), change }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete' as const) }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('look' as const) }) },
)

/** One client per row, some on another process; all of them write and read at once. */
it('each client sees its own writes at once and everywhere, and when all is quiet nothing differs', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(step, { maxLength: 12 }), { minLength: allKeys.length, maxLength: allKeys.length }),
      async (scripts) => {
        const store = createEmbeddedCacheStore()
        const house = openHouse(() => ({ cache: createCache({ store }) }))
        const there = createRepositories({ ...house.parts, cache: createCache({ store }) })
        const processes = [house.repositories, there]
        const auditors = processes.map((one) => new Auditor(one))
        for (const auditor of auditors) expect(await auditor.differences()).toEqual([])
        await Promise.all(
          scripts.map(async (script, client) => {
            const key = allKeys[client]!
            const repository = processes[client % 2]!.of(posts)
            let mine: PostInput | undefined
            for (const { kind, ...rest } of script) {
              const changed = 'change' in rest ? rest.change : {}
              if (kind === 'put') mine = await repository.put(post({ ...key, ...changed }))
              else if (kind === 'delete') {
                expect(await repository.delete(key)).toBe(mine !== undefined)
                mine = undefined
              } else if (kind === 'patch' && mine !== undefined) mine = await repository.patch(key, changed)
              for (const read of ['local', 'shared', 'store'] as const) {
                expect(await repository.get(key, { read })).toEqual(mine)
                const own = (await repository.ofSpace({ spaceID: key.spaceID }, { read })).filter(
                  ({ postID }) => postID === key.postID,
                )
                expect(own).toEqual(mine === undefined ? [] : [mine])
              }
              expect(await processes[(client + 1) % 2]!.of(posts).get(key, { read: 'shared' })).toEqual(mine)
              if (mine !== undefined)
                expect(await repository.countOfAuthor({ authorID: mine.authorID })).toBeGreaterThan(0)
            }
          }),
        )
        for (const auditor of auditors) expect(await auditor.differences()).toEqual([])
        there.close()
        await house.close()
        house.folder.remove()
      },
    ),
    { numRuns: 12 },
  )
})
