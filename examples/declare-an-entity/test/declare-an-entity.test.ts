import { temporaryFolder } from '@parlance/testing'
import { describe, expect, it } from 'vitest'
import { reactToMessages } from '../src/react-to-messages.ts'
import { reactions } from '../src/reaction.ts'
import { reactions as undecorated } from '../src/reaction-undecorated.ts'

describe.each([
  ['decorated', reactions],
  ['undecorated', undecorated],
])('the %s entity', (_, declared) => {
  it('shows every write in its views and in its change list', async () => {
    using folder = temporaryFolder()
    const lines: string[] = []
    await reactToMessages(folder.path, (line) => lines.push(line), declared)
    expect(lines).toEqual([
      'after two puts: 2 × 👍',
      'after a patch: ada 👍, bob 🎉',
      'since the start: 2 inserted, 0 updated',
      'since then: ada removed',
    ])
  })
})
