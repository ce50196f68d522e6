export {
  openRedisInvalidationChannel,
  type RedisInvalidationChannel,
  type RedisInvalidationChannelOptions,
} from './channel.ts'
