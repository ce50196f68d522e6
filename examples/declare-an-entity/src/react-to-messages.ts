import { join } from 'node:path'
import { createEmbeddedRepositories } from '@parlance/cached-repository/embedded'
import { SqliteEngine } from '@parlance/engines/sqlite'
import { reactions } from './reaction.ts'

/** Two people react to a message; views and change list are right as soon as a write returns. */
export async function reactToMessages(folder: string, say: (line: string) => void, declared = reactions) {
  const engine = SqliteEngine.open({ path: join(folder, 'reactions.db') })
  const { repositories } = createEmbeddedRepositories({ engine })
  const repository = repositories.of(declared)
  const message = { conversationID: 'team', messageSeq: 7 }
  const list = repository.changes({ conversationID: 'team' })
  const start = await list.position()

  // use:start
  await repository.put({ ...message, userID: 'ada', emoji: '👍', reactedAt: new Date('2026-11-01T10:00:00Z') })
  await repository.put({ ...message, userID: 'bob', emoji: '👍', reactedAt: new Date('2026-11-01T10:01:00Z') })
  say(`after two puts: ${await repository.tally({ ...message, emoji: '👍' })} × 👍`)

  await repository.patch({ ...message, userID: 'bob' }, { emoji: '🎉' })
  const rows = await repository.ofMessage(message)
  say(`after a patch: ${rows.map(({ userID, emoji }) => `${userID} ${emoji}`).join(', ')}`)

  const delta = await list.since(start)
  if (delta.kind === 'delta') say(`since the start: ${delta.inserted.length} inserted, ${delta.updated.length} updated`)
  // use:end

  await repository.delete({ ...message, userID: 'ada' })
  const next = await list.since(delta.position)
  if (next.kind === 'delta') say(`since then: ${next.removed.map(({ userID }) => userID).join(', ')} removed`)

  repositories.close()
  await engine.close()
}
