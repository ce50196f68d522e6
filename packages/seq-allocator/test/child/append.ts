import { SqliteEngine } from '@parlance/engines/sqlite'
import { createEmbeddedJournal } from '@parlance/seq-allocator/embedded'

/** Appends to three streams without end and writes each number once it is durable. */
export async function main([path]: string[]): Promise<void> {
  const engine = SqliteEngine.open({ path: path! })
  const journal = createEmbeddedJournal({ engine })
  for (let round = 0; ; round++) {
    await Promise.all(
      ['a', 'b', 'c'].map(async (stream) => {
        const key = `${stream}-${process.pid}-${round}`
        const [appended] = await journal.append(stream, [{ payload: Buffer.from(key), repeatKey: key }])
        process.stdout.write(`${stream} ${appended!.seq} ${key}\n`)
      }),
    )
  }
}
