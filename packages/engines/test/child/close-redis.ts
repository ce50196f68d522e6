import { setImmediate as turn } from 'node:timers/promises'
import { openRedis, redisCommand } from '@parlance/engines/redis'

/** Opens connections that work and one that cannot, closes them, and writes what would keep the process alive. */
export async function main(urls: string[]): Promise<void> {
  for (const url of urls) {
    const redis = await openRedis({ url })
    await redis.run(redisCommand('GET', 'nothing'))
    await redis.subscribe('nothing', { message: () => undefined, subscribed: () => undefined })
    await redis.close()
  }
  await openRedis({ url: 'redis://127.0.0.1:1', commandTimeoutMs: 50 }).catch((error: Error) => {
    process.stdout.write(`${error.name}\n`)
  })
  await turn()
  const held = process.getActiveResourcesInfo().filter((name) => /Timeout|TCP|Immediate/.test(name))
  process.stdout.write(`held: ${held.join()}\n`)
}
