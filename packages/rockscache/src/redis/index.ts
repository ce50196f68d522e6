export { openRedisCacheStore, type RedisCacheStore, type RedisCacheStoreOptions } from './store.ts'
