import type { Milliseconds } from '@parlance/core'
import { Redis, type RedisOptions as ClientOptions } from 'ioredis'
import type { RedisAddress, RedisHost } from './address.ts'

/** Makes a client for the address, or for one node of its Cluster. It connects when told to, once, and keeps no queue. */
export function makeClient(address: RedisAddress, connectTimeoutMs: Milliseconds, node?: RedisHost): Redis {
  const { username, password, isEncrypted, database } = address
  const options: Omit<ClientOptions, 'replyMapping'> = {
    lazyConnect: true,
    retryStrategy: null,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    maxRetriesPerRequest: null,
    connectTimeout: connectTimeoutMs,
    connectionName: 'parlance',
    disableClientInfo: true,
    db: database,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(isEncrypted ? { tls: {} } : {}),
  }
  if (address.kind !== 'sentinel') return new Redis({ ...options, ...(node ?? address.hosts[0]) })
  const start = Math.floor(Math.random() * address.hosts.length)
  const sentinels = [...address.hosts.slice(start), ...address.hosts.slice(0, start)].map((host) => ({ ...host }))
  return new Redis({
    ...options,
    sentinels,
    name: address.masterName ?? '',
    sentinelRetryStrategy: () => null,
    sentinelMaxConnections: 1,
    ...(isEncrypted ? { enableTLSForSentinelMode: true } : {}),
  })
}
