export { type CacheStoreBench, cacheStoreContract } from './cache-store-contract.ts'
