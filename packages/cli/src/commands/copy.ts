import { readSetting } from '@parlance/im-server/settings'
import { UsageError } from '../cli-error.ts'
import { dataDirOf, type Settings } from '../settings.ts'
import type { Terminal } from '../terminal.ts'

/** What the command takes. */
export interface CopyOptions extends Settings {
  readonly mongoUrl?: string
}

/** Copies what a stopped server keeps in its data folder into MongoDB, and compares it. */
export async function copy(options: CopyOptions, terminal: Terminal): Promise<void> {
  const mongoURL = options.mongoUrl ?? readSetting('mongoURL')
  if (mongoURL === undefined)
    throw new UsageError('where to copy to is missing: give --mongo-url, or set PARLANCE_MONGO_URL')
  // Loaded here only: no other command needs MongoDB's library.
  const { copyToMongo } = await import('@parlance/im-server/copy')
  const dataDir = dataDirOf(options)
  const report = await copyToMongo({
    dataDir,
    mongoURL,
    namespace: readSetting('namespace'),
    onProgress: ({ part, step, done, of }) => terminal.note(`${step} ${part}: ${done} of ${of}`),
  })
  if (report.wasDone) return terminal.say('everything was copied before; nothing was touched')
  for (const { name, count } of report.parts) terminal.say(`${name}: ${count} copied, all the same`)
  terminal.say(
    `Keep token.key and admin.secret of ${dataDir} for the new processes, and the files in its folder objects.`,
  )
  terminal.say('Redis and Kafka must hold nothing of that namespace: this did not look there.')
}
