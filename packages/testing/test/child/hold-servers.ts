import { startRedis } from '@parlance/testing/services'

/** Starts a Redis and never ends it: whoever kills this process must find the Redis gone too. */
export async function main(): Promise<void> {
  const { port, folder } = await startRedis()
  process.stdout.write(`${JSON.stringify({ port, folder })}\n`)
  setInterval(() => undefined, 1_000)
}
