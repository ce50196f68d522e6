import { appendFileSync } from 'node:fs'
import { openMongoStreamStore } from '@parlance/cached-repository/mongo'
import { openMongo } from '@parlance/engines/mongo'
import type { LogRecord } from '@parlance/notification-bus'

/** What is announced goes to the end of one file, which several processes share. */
export const fileLog = (path: string) => ({
  publish: async (_topic: string, records: readonly LogRecord[]) =>
    appendFileSync(path, records.map(({ payload }) => `${Buffer.from(payload).toString()}\n`).join('')),
})

/** Appends to the same three streams as others, without end; writes each number once its entry is durable. */
export async function main([url, database, logPath]: string[]): Promise<void> {
  const mongo = await openMongo({ url: url!, database: database!, selectionTimeoutMs: 30_000 })
  const store = await openMongoStreamStore({ mongo, log: fileLog(logPath!), recoverEveryMs: 300, leftAfterMs: 1_000 })
  const append = (stream: string, texts: readonly string[], isKeyed: boolean): Promise<void> =>
    store.append(() => [
      {
        stream,
        entries: texts.map((text) => ({ payload: Buffer.from(text), ...(isKeyed ? { repeatKey: text } : {}) })),
        effects: (appended) => ({
          marks: [{ view: 'of', value: String(process.pid), seq: appended.at(-1)!.seq }],
          announced: [
            {
              topic: 'appended',
              records: [{ key: stream, payload: Buffer.from(`${stream} ${appended[0]!.seq} ${appended.at(-1)!.seq}`) }],
            },
          ],
        }),
        committed: (appended) =>
          process.stdout.write(appended.map(({ seq }, index) => `${stream} ${seq} ${texts[index]!}\n`).join('')),
        // It may have been stored all the same; only what is said to be durable has to be.
        failed: () => undefined,
      },
    ])
  // While the server is down nothing else keeps the process: waits between tries do not, as a listening server has no need of it.
  setInterval(() => undefined, 60_000)
  // Each at its own pace: what goes in one step is ever different.
  await Promise.all(
    ['a', 'b', 'c'].map(async (stream, index) => {
      for (let round = 0; ; round++) {
        const texts = Array.from({ length: (round % 3) + 1 }, (_, one) => `${stream}.${process.pid}.${round}.${one}`)
        await append(stream, texts, (round + index) % 4 === 0)
      }
    }),
  )
}
