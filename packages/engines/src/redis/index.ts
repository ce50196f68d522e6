export {
  convertRedisError,
  RedisAccessError,
  RedisAddressError,
  RedisFullError,
  RedisReadOnlyError,
  RedisReplyError,
  RedisTimeoutError,
  RedisUnavailableError,
} from './errors.ts'
export type { RedisHealth } from './health.ts'
export { openRedis, Redis, type RedisOptions } from './redis.ts'
export {
  type RedisArgument,
  redisCommand,
  type RedisOutcome,
  type RedisReply,
  RedisScript,
  type RedisServer,
  type RedisStep,
  type RedisWords,
} from './step.ts'
export type { RedisListener } from './subscriber.ts'
