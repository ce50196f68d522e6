import { ParlanceError } from '@parlance/core'

/** Redis cannot be reached, is still starting, or lost the connection while it worked; what was sent may or may not have been done. */
export class RedisUnavailableError extends ParlanceError {
  static override readonly code = 'REDIS_UNAVAILABLE'
  static override readonly retryable = true
}

/** Redis did not answer in time. Whether the command was done is unknown. */
export class RedisTimeoutError extends ParlanceError {
  static override readonly code = 'REDIS_TIMEOUT'
  static override readonly retryable = true
}

/** Redis has reached its `maxmemory` and may evict nothing. */
export class RedisFullError extends ParlanceError {
  static override readonly code = 'REDIS_FULL'
  static override readonly retryable = true
}

/** The server is a replica, most likely since a failover: the engine looks for the master again. */
export class RedisReadOnlyError extends ParlanceError {
  static override readonly code = 'REDIS_READ_ONLY'
  static override readonly retryable = true
}

/** Wrong password or user, or a user who may not do what the program does. */
export class RedisAccessError extends ParlanceError {
  static override readonly code = 'REDIS_ACCESS'
}

/** The address cannot be used as it is written. */
export class RedisAddressError extends ParlanceError {
  static override readonly code = 'REDIS_ADDRESS'
}

/** Redis refused a command: a defect of the caller, or a key that holds another type. */
export class RedisReplyError extends ParlanceError {
  static override readonly code = 'REDIS_REPLY'
  /** The server's words. */
  readonly reply: string

  constructor(label: string, reply: string) {
    super(`${label} refused a command: ${reply}`)
    this.reply = reply
  }
}

type Conversion = (label: string, text: string) => ParlanceError

/** For a server that does not answer. */
export const cure = 'check that Redis runs there and that the address (PARLANCE_REDIS_URL) is right'

const access: Conversion = (label, text) =>
  new RedisAccessError(
    `${label} refuses the user (${text}): check user and password in the address (PARLANCE_REDIS_URL), and the user's ACL`,
  )
const noPassword: Conversion = (label) =>
  new RedisAccessError(
    `${label} wants a password: put it into the address (PARLANCE_REDIS_URL), for example redis://:password@host:6379`,
  )
const starting: Conversion = (label, text) =>
  new RedisUnavailableError(`${label} is not ready yet (${text}); trying again helps`)

/** By the first word of an error reply. */
const byFirstWord: Readonly<Record<string, Conversion>> = {
  OOM: (label) =>
    new RedisFullError(
      `${label} is full: raise its maxmemory, or let it evict (maxmemory-policy allkeys-lru for a cache)`,
    ),
  READONLY: (label) =>
    new RedisReadOnlyError(`${label} is a replica now and takes no writes; the master is looked up again`),
  WRONGPASS: access,
  NOAUTH: noPassword,
  NOPERM: access,
  LOADING: starting,
  MASTERDOWN: starting,
  TRYAGAIN: starting,
  NOREPLICAS: starting,
  CLUSTERDOWN: (label, text) =>
    new RedisUnavailableError(`${label} does not serve all its slots (${text}): check \`redis-cli cluster info\``),
  MISCONF: (label) =>
    new RedisUnavailableError(
      `${label} takes no writes because it cannot save to its disk: check the server's log and disk`,
    ),
  BUSY: (label) => new RedisUnavailableError(`${label} is held up by a long script: see \`redis-cli slowlog get\``),
}

const words: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the connection was cut',
  EPIPE: 'the connection was cut',
  ENOTFOUND: 'the host name is unknown',
  EAI_AGAIN: 'the host name cannot be looked up',
  ETIMEDOUT: 'it does not answer',
  EHOSTUNREACH: 'there is no way to the host',
  ENETUNREACH: 'there is no way to the network',
}

/**
 * Turns what the Redis client threw into one of the errors above; errors of ours pass unchanged.
 *
 * The client's own error is not kept as a cause: it carries the command's arguments, which may be a password or a message.
 */
export function convertRedisError(error: unknown, label: string): ParlanceError {
  if (ParlanceError.is(error)) return error
  const { message, code, name } = error as { message?: unknown; code?: unknown; name?: unknown }
  const text = typeof message === 'string' && message !== '' ? message : String(code ?? error)
  const firstWord = text.split(' ', 1)[0] ?? ''
  if (name === 'ReplyError') {
    const convert = byFirstWord[firstWord]
    if (convert !== undefined) return convert(label, text)
    return new RedisReplyError(label, text)
  }
  const why = typeof code === 'string' && words[code] !== undefined ? words[code] : text.replace(/\.$/, '')
  return new RedisUnavailableError(`${label} cannot be reached: ${why}; ${cure}`, {
    details: typeof code === 'string' ? { system: code } : {},
  })
}
