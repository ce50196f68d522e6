import { join } from 'node:path'
import { SqliteEngine } from '@parlance/engines/sqlite'
import { createSegmentedSequence } from '@parlance/seq-allocator'
import { createEmbeddedJournal, createEmbeddedSegmentStore } from '@parlance/seq-allocator/embedded'

/** Numbers bookings without a gap, and invoices quickly. */
export async function numberThings(folder: string, say: (line: string) => void): Promise<void> {
  const engine = SqliteEngine.open({ path: join(folder, 'numbers.db') })

  // Dense: numbered and stored in one durable step. A repeat key makes sending the same thing twice harmless.
  const journal = createEmbeddedJournal({ engine })
  const bookings = ['deposit 100', 'withdraw 30'].map((text) => ({ payload: Buffer.from(text), repeatKey: text }))
  const first = await journal.append('account:42', bookings)
  const again = await journal.append('account:42', [...bookings, { payload: Buffer.from('deposit 5') }])
  say(`appended: ${first.map(({ seq }) => seq).join(', ')}`)
  say(`appended again: ${again.map(({ seq, repeated }) => (repeated ? `${seq} (a repeat)` : seq)).join(', ')}`)
  for (const { seq, payload } of await journal.read('account:42', 1, 3))
    say(`  ${seq} ${Buffer.from(payload).toString()}`)

  // Segmented: numbers come from a block reserved ahead, one durable step for many calls.
  const invoices = createSegmentedSequence({ store: createEmbeddedSegmentStore({ engine }) })
  const block = await invoices.reserve('2026', 100)
  say(`invoices ${block.first} to ${block.last}, then ${await invoices.next('2026')}`)

  await engine.close()
}
