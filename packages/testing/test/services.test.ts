import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ServiceMissingError, startProgram, until } from '@parlance/testing'
import {
  canStart,
  ServerFailedError,
  startKafka,
  startMongoDouble,
  startRedis,
  startRedisCluster,
  startRedisSentinel,
} from '@parlance/testing/services'
import { describe, expect, it } from 'vitest'
import { redisCommand } from '../src/services/redis-server.ts'

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url))

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  const free = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => resolve(true))
  })
  server.close()
  return free
}

describe('what a server needs', () => {
  it.each(['redis', 'kafka', 'mongo'] as const)(
    'is missing: %s suites are left out, unless all are required',
    (kind) => {
      expect(canStart(kind, {})).toBe(false)
      const required = (): unknown => canStart(kind, { REQUIRE_SERVICES: '1' })
      expect(required).toThrow(ServiceMissingError)
      expect(required).toThrow(/cannot be started: .*; run `node scripts\/services.mjs install`/)
    },
  )
})

describe.skipIf(!canStart('redis'))('a private Redis', () => {
  it('comes back on its port after a kill, with nothing or with everything', async () => {
    await using forgetful = await startRedis()
    await using durable = await startRedis({ remembers: 'everything' })
    for (const [server, remembered] of [
      [forgetful, '-1'],
      [durable, '5'],
    ] as const) {
      const before = { pid: server.pid, url: server.url }
      await redisCommand(server.port, 'SET', 'key', 'value')
      await server.kill()
      expect(server.pid).toBeUndefined()
      await expect(redisCommand(server.port, 'PING')).rejects.toThrow(/ECONNREFUSED/)
      await server.start()
      expect(server.url).toBe(before.url)
      expect(server.pid).not.toBe(before.pid)
      expect(await redisCommand(server.port, 'STRLEN', 'key')).toBe(remembered === '5' ? '5' : '0')
    }
  })

  it('hangs while it is paused', async () => {
    await using server = await startRedis()
    await server.pause()
    await expect(redisCommand(server.port, 'PING')).rejects.toThrow('no answer to PING')
    server.resume()
    expect(await redisCommand(server.port, 'PING')).toBe('PONG')
  })

  it('gives back everything when it is removed, and stops in order', async () => {
    const server = await startRedis()
    await server.stop()
    expect(readFileSync(join(server.folder, 'server.log'), 'utf8')).toMatch(/bye bye/)
    await server.stop()
    await server.start()
    await server.remove()
    expect(existsSync(server.folder)).toBe(false)
    expect(await isFree(server.port)).toBe(true)
  })

  it('that cannot start says why', async () => {
    const failing = startRedis({ arguments: ['--no-such-option', 'yes'] })
    await expect(failing).rejects.toThrow(ServerFailedError)
    await expect(failing).rejects.toThrow(
      /a Redis server on port \d+ did not start, it ended with 1:[^]*no-such-option/,
    )
  })

  it('ends with the process that started it, even when that one is killed', async () => {
    const child = startProgram(here('../../../test/run-typescript.mjs'), here('./child/hold-servers.ts'))
    const line = await until('the child has started a Redis', () => child.lines[0])
    const { port, folder } = JSON.parse(line) as { port: number; folder: string }
    expect(await redisCommand(port, 'PING')).toBe('PONG')
    await child.kill()
    await until('the Redis is gone', () => isFree(port))
    await until('its data is gone', () => !existsSync(folder))
  })

  it('is a cluster whose nodes come back', async () => {
    await using cluster = await startRedisCluster()
    expect(cluster.url).toBe(`redis://${cluster.servers.map(({ port }) => `127.0.0.1:${port}`).join(',')}`)
    const [first] = cluster.servers
    const key = await until('a key of the first master', async () => {
      const candidate = String(Math.random())
      const slot = Number(await redisCommand(first!.port, 'CLUSTER', 'KEYSLOT', candidate))
      return slot < 5_000 ? candidate : undefined
    })
    expect(await redisCommand(first!.port, 'SET', key, 'value')).toBe('OK')
    await first!.kill()
    await first!.start()
    await until('it is whole again', async () =>
      (await redisCommand(first!.port, 'CLUSTER', 'INFO')).includes('cluster_state:ok'),
    )
    expect(await redisCommand(first!.port, 'SET', key, 'value')).toBe('OK')
  })

  it('is replaced by its replica when it is killed, in a cluster and under Sentinel', async () => {
    const starting = startRedisCluster({ replicasPerMaster: 1 })
    await using sentinel = await startRedisSentinel()
    await using cluster = await starting
    expect(sentinel.url).toMatch(/^redis\+sentinel:\/\/(127\.0\.0\.1:\d+,){2}127\.0\.0\.1:\d+\/parlance$/)
    const role = async (port: number): Promise<boolean> =>
      (await redisCommand(port, 'INFO', 'replication')).includes('role:master')
    await Promise.all([cluster.servers[0]!.kill(), sentinel.servers[0]!.kill()])
    await until('the cluster has failed over', () => role(cluster.servers[3]!.port))
    await until('Sentinel has failed over', () => role(sentinel.servers[1]!.port))
    await until('the sentinels say so', async () =>
      (await redisCommand(sentinel.servers[2]!.port, 'INFO', 'sentinel')).includes(
        `address=127.0.0.1:${sentinel.servers[1]!.port}`,
      ),
    )
  })
})

describe.skipIf(!canStart('kafka'))('a private Kafka', () => {
  it('comes back on its port after a kill', async () => {
    await using server = await startKafka({ properties: { 'message.max.bytes': '2000000' } })
    const before = server.pid
    expect(server.url).toBe(`127.0.0.1:${server.port}`)
    await server.kill()
    await server.start()
    expect(server.pid).not.toBe(before)
    await server.stop()
    expect(await isFree(server.port)).toBe(true)
  }, 240_000)
})

describe.skipIf(!canStart('mongo'))('a private server with the MongoDB protocol', () => {
  it.each(['file', 'memory'] as const)('comes back on its port after a kill: %s', async (storage) => {
    await using server = await startMongoDouble({ storage })
    expect(server.url).toBe(`mongodb://127.0.0.1:${server.port}`)
    await server.kill()
    await server.start()
    expect(existsSync(join(server.folder, 'data.db'))).toBe(storage === 'file')
  })
})
