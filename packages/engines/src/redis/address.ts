import { RedisAddressError } from './errors.ts'

export interface RedisHost {
  readonly host: string
  readonly port: number
}

/** Where Redis is, read from its URL. */
export interface RedisAddress {
  readonly kind: 'single' | 'cluster' | 'sentinel'
  /** The server, some nodes of the cluster, or the sentinels. */
  readonly hosts: readonly RedisHost[]
  /** What the sentinels call the master. */
  readonly masterName: string | undefined
  readonly database: number
  readonly username: string | undefined
  readonly password: string | undefined
  readonly isEncrypted: boolean
  /** For messages: no user, no password. */
  readonly label: string
}

const forms =
  'redis://host:port/database, redis://a:1,b:2,c:3 (Cluster), redis+cluster://host:port (Cluster), ' +
  'redis+sentinel://host:port,host:port/master-name; rediss:// for TLS; user:password@ before the first host'
const shape = /^(rediss?)([+-]sentinel|[+-]cluster)?:\/\/(?:([^@/]*)@)?([^@/?#]+)(?:\/([^?#]*))?$/
const hostShape = /^(\[[0-9a-fA-F:.]+\]|[^:[\]]+)(?::(\d{1,5}))?$/

/** @throws RedisAddressError which names what is wrong, never the URL: it may hold a password. */
export function parseRedisUrl(url: string): RedisAddress {
  const match = shape.exec(url)
  if (match === null) throw new RedisAddressError(`the Redis URL cannot be read; write ${forms}`)
  const [, scheme, variant, user, list, path = ''] = match
  const kind = variant?.endsWith('sentinel')
    ? 'sentinel'
    : variant?.endsWith('cluster') || list!.includes(',')
      ? 'cluster'
      : 'single'
  const hosts = list!.split(',').map((item) => parseHost(item, kind === 'sentinel' ? 26_379 : 6379))
  const { masterName, database } = parsePath(kind, path)
  const { username, password } = parseUser(user)
  const names = hosts.map(({ host, port }) => `${host}:${port}`).join(',')
  const label = {
    single: `Redis at ${names}`,
    cluster: `the Redis Cluster at ${names}`,
    sentinel: `Redis ${masterName}, by the sentinels at ${names},`,
  }[kind]
  return { kind, hosts, masterName, database, username, password, isEncrypted: scheme === 'rediss', label }
}

function parseHost(item: string, defaultPort: number): RedisHost {
  const match = hostShape.exec(item.trim())
  const port = Number(match?.[2] ?? defaultPort)
  if (match === null || port < 1 || port > 65_535)
    throw new RedisAddressError(`a host in the Redis URL cannot be read; write ${forms}`)
  return { host: match[1]!.replace(/^\[|\]$/g, ''), port }
}

function parsePath(kind: RedisAddress['kind'], path: string): { masterName: string | undefined; database: number } {
  const parts = path === '' ? [] : path.split('/')
  const masterName = kind === 'sentinel' ? parts.shift() : undefined
  if (kind === 'sentinel' && !masterName)
    throw new RedisAddressError('the Redis URL names sentinels but no master; end it with /master-name')
  const database = Number(parts.shift() ?? 0)
  if (!Number.isInteger(database) || database < 0 || parts.length > 0)
    throw new RedisAddressError('the Redis URL ends with something that is not the number of a database')
  if (kind === 'cluster' && database !== 0)
    throw new RedisAddressError('the Redis URL names a database, but a Redis Cluster has only database 0')
  return { masterName, database }
}

function parseUser(user: string | undefined): { username: string | undefined; password: string | undefined } {
  if (user === undefined || user === '') return { username: undefined, password: undefined }
  const colon = user.indexOf(':')
  if (colon < 0)
    throw new RedisAddressError('the Redis URL has a user without a password; write user:password@ or :password@')
  try {
    return {
      username: decodeURIComponent(user.slice(0, colon)) || undefined,
      password: decodeURIComponent(user.slice(colon + 1)),
    }
  } catch {
    throw new RedisAddressError('user or password in the Redis URL are not percent-encoded; write %25 for %, %40 for @')
  }
}
