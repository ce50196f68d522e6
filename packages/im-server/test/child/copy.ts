import { copyToMongo } from '@parlance/im-server/copy'

/** Copies, and ends as a crash does at a step. */
export async function main([dataDir, mongoURL, namespace, lastStep]: string[]): Promise<void> {
  let steps = 0
  await copyToMongo({
    dataDir: dataDir!,
    mongoURL: mongoURL!,
    namespace,
    onProgress: () => {
      if (++steps === Number(lastStep)) process.kill(process.pid, 'SIGKILL')
    },
  })
  process.stdout.write('copied\n')
}
