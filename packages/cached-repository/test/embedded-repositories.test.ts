import { createEmbeddedRepositories } from '@parlance/cached-repository/embedded'
import { type Metrics, noMetrics } from '@parlance/core'
import { SqliteEngine } from '@parlance/engines/sqlite'
import { temporaryFolder } from '@parlance/testing'
import { expect, it } from 'vitest'
import { post, posts } from './board.ts'

it('every part of embedded repositories counts in the given metrics', async () => {
  const counts = new Map<string, number>()
  const metrics: Metrics = {
    ...noMetrics,
    counter: (name) => ({ add: (count = 1) => void counts.set(name, (counts.get(name) ?? 0) + count) }),
  }
  const folder = temporaryFolder()
  const engine = SqliteEngine.open({ path: `${folder.path}/test.db` })
  const { repositories, log } = createEmbeddedRepositories({ engine, metrics })
  const repository = repositories.of(posts)
  await repository.put(post())
  await repository.get(post())
  expect(counts.get('parlance_change_list_changes_total')).toBe(3)
  expect(counts.get('parlance_repository_local_misses_total')).toBe(1)
  repositories.close()
  await log.close()
  await engine.close()
  folder.remove()
})
