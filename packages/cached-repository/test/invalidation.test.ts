import { describe, expect, it } from 'vitest'
import type { Repositories } from '@parlance/cached-repository'
import { derivedInvalidations } from '../src/entity/dependents.ts'
import { Auditor } from './auditor.ts'
import { allKeys, authorIDs, days, post, type PostInput, posts, profiles } from './board.ts'
import { openHouse } from './open-house.ts'

type Change = Partial<Omit<PostInput, 'spaceID' | 'postID'>>

/** One change of every field that is not in the key, each seen on its own. */
const changes: Change[] = [
  { authorID: authorIDs[1]! },
  { state: 'closed' },
  { state: 'draft' },
  { isPinned: true },
  { postedAt: days[1]! },
  { title: 'z' },
  { title: 'a' },
  { label: 'hot' },
  { label: 'cold' },
  { tags: ['x', 'y'] },
]

/** Every way to write, with every change of a field, on rows that are there and rows that are not. */
function mutations(repositories: Repositories): { name: string; run: () => Promise<unknown> }[] {
  const repository = repositories.of(posts)
  const profile = repositories.of(profiles)
  const key = { spaceID: 's1', authorID: authorIDs[0]! }
  const [first, second, ...others] = allKeys
  const all: { name: string; run: () => Promise<unknown> }[] = [
    { name: 'insert', run: () => repository.insert(post(first)) },
    { name: 'put new', run: () => repository.put(post({ ...second, isPinned: true, title: 'p' })) },
    { name: 'insertMany', run: () => repository.insertMany(others.map((key) => post({ ...key, label: 'hot' }))) },
  ]
  for (const change of changes) {
    const name = JSON.stringify(change)
    all.push(
      { name: `patch ${name}`, run: () => repository.patch(first!, change) },
      { name: `put ${name}`, run: () => repository.put(post({ ...second, ...change })) },
      { name: `putMany ${name}`, run: () => repository.putMany(others.map((key) => post({ ...key, ...change }))) },
      { name: 'put back', run: () => repository.putMany(allKeys.map((key) => post({ ...key, label: 'hot' }))) },
    )
  }
  all.push(
    { name: 'insert profile', run: () => profile.insert({ ...key, bio: 'x' }) },
    { name: 'patch profile', run: () => profile.patch(key, { bio: 'y' }) },
    { name: 'move the last post of a profile', run: () => repository.patch(first!, { authorID: authorIDs[1]! }) },
    { name: 'delete profile', run: () => profile.delete(key) },
    { name: 'clear a field', run: () => repository.patch(first!, { label: undefined }) },
    { name: 'delete', run: () => repository.delete(first!) },
    { name: 'insert again', run: () => repository.insert(post({ ...first, authorID: authorIDs[1]! })) },
    { name: 'deleteMany', run: () => repository.deleteMany(others) },
    { name: 'delete what is not there', run: () => repository.deleteMany(others) },
    {
      name: 'insertMany again',
      run: () => repository.insertMany(others.map((key) => post({ ...key, state: 'closed' }))),
    },
  )
  return all
}

async function audited(skip?: { entity: string; view: string }): Promise<string[]> {
  const house = openHouse(() => ({
    faults: { skipInvalidation: (entity, view) => entity === skip?.entity && view === skip.view },
  }))
  try {
    const auditor = new Auditor(house.repositories)
    const found = await auditor.differences()
    for (const { name, run } of mutations(house.repositories)) {
      await run()
      found.push(...(await auditor.differences()).map((difference) => `${name}: ${difference}`))
      if (found.length > 0) break
    }
    return found
  } finally {
    await house.close()
    house.folder.remove()
  }
}

describe('every mutation refreshes every view that depends on it', () => {
  it('leaves no difference', { timeout: 240_000 }, async () => {
    expect(await audited()).toEqual([])
  })

  const derived = [...derivedInvalidations(posts.schema), ...derivedInvalidations(profiles.schema)]

  it.each(derived.map((skip) => [`${skip.entity}: ${skip.view}`, skip] as const))(
    'and notices when %s is left out',
    async (_, skip) => {
      expect(await audited(skip)).not.toEqual([])
    },
  )
})
