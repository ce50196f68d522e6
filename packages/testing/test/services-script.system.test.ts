import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type TemporaryFolder, temporaryFolder, until } from '@parlance/testing'
import { canStart } from '@parlance/testing/services'
import { describe, expect, it } from 'vitest'

const script = fileURLToPath(new URL('../../../scripts/services.mjs', import.meta.url))

/** Only the standalone Redis is started: the others are said to be there already. */
const others = {
  PARLANCE_TEST_REDIS_CLUSTER_URL: 'redis://elsewhere:1,elsewhere:2',
  PARLANCE_TEST_REDIS_SENTINEL_URL: 'redis+sentinel://elsewhere:1/name',
  PARLANCE_TEST_KAFKA_BROKERS: 'elsewhere:3',
  PARLANCE_TEST_MONGO_URL: 'mongodb://elsewhere',
}

function services(state: TemporaryFolder, command: string): { status: number | null; text: string } {
  const env = { ...process.env, ...others, PARLANCE_TEST_REDIS_URL: '', PARLANCE_TEST_SERVICES_STATE: state.path }
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, command], { env, encoding: 'utf8' })
  return { status, text: stdout + stderr }
}

const redisPort = (text: string): number => Number(/redis:\/\/127\.0\.0\.1:(\d+)/.exec(text)![1])

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  const free = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => resolve(true))
  })
  server.close()
  return free
}

describe.skipIf(!canStart('redis'))('node scripts/services.mjs', () => {
  it('starts, says what runs, and stops exactly that; a second one beside it meets none of its ports', async () => {
    using first = temporaryFolder()
    using second = temporaryFolder()
    expect(services(first, 'status')).toMatchObject({ status: 1, text: expect.stringContaining('Nothing runs') })
    const started = services(first, 'start')
    expect(started.status).toBe(0)
    expect(started.text).toContain('mongodb://elsewhere')
    const port = redisPort(started.text)
    expect(services(first, 'start').text).toContain('They run already.')
    const environment = services(first, 'env').text
    expect(environment).toContain(`export PARLANCE_TEST_REDIS_URL='redis://127.0.0.1:${port}'`)
    expect(environment).toContain(`export PARLANCE_TEST_KAFKA_BROKERS='elsewhere:3'`)
    expect(environment).toMatch(/export PARLANCE_TEST_SERVICES_DIR='.*programs-\w{12}'/)

    const otherPort = redisPort(services(second, 'start').text)
    expect(otherPort).not.toBe(port)
    expect(services(second, 'stop').text).toContain('Stopped.')
    expect(await isFree(otherPort)).toBe(true)
    expect(services(first, 'status')).toMatchObject({ status: 0, text: expect.stringContaining(String(port)) })

    expect(services(first, 'stop').text).toContain('Stopped.')
    expect(await isFree(port)).toBe(true)
    expect(services(first, 'stop').text).toContain('Nothing runs.')
  })

  it('leaves nothing behind when it is killed, and starts again', async () => {
    using state = temporaryFolder()
    const port = redisPort(services(state, 'start').text)
    process.kill(holderOf(state.path), 'SIGKILL')
    await until('the Redis is gone', () => isFree(port))
    expect(services(state, 'status').status).toBe(1)
    expect(services(state, 'start').status).toBe(0)
    expect(services(state, 'stop').text).toContain('Stopped.')
    expect(readdirSync(state.path)).toEqual(['services.log'])
  })
})

const holderOf = (state: string): number =>
  (JSON.parse(readFileSync(join(state, 'running.json'), 'utf8')) as { pid: number }).pid
