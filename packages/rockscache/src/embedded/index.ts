export { createEmbeddedCacheStore, type EmbeddedCacheStore, type EmbeddedCacheStoreOptions } from './store.ts'
