import { SqliteEngine } from '@parlance/engines/sqlite'
import { createEmbeddedEventLog } from '@parlance/notification-bus/embedded'
import { createEmbeddedJournal } from '@parlance/seq-allocator/embedded'

/** Publishes and consumes without end; writes what is durable and what was handled. */
export async function main([path]: string[]): Promise<void> {
  const engine = SqliteEngine.open({ path: path! })
  const log = createEmbeddedEventLog({ engine, journal: createEmbeddedJournal({ engine }), offsetDelayMs: 1 })
  await log.subscribe(
    't',
    'g',
    async (records) => {
      for (const { payload } of records) process.stdout.write(`handled ${Buffer.from(payload).toString()}\n`)
    },
    { maxBatch: 10 },
  )
  for (let round = 0; ; round++) {
    await Promise.all(
      ['a', 'b', 'c'].map(async (key) => {
        const text = `${key}-${process.pid}-${round}`
        await log.publish('t', [{ key, payload: Buffer.from(text) }])
        process.stdout.write(`durable ${text}\n`)
      }),
    )
  }
}
