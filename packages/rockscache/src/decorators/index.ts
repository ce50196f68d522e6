export { type CachedDecorator, Cached, type CachedOptions, type CacheOf } from './cached.ts'
