export {
  createRedisSessionRegistry,
  type RedisSessionRegistry,
  type RedisSessionRegistryOptions,
} from './session-registry.ts'
