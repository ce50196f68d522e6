export { createEmbeddedEntityStore, type EmbeddedEntityStoreOptions } from './entity-store.ts'
export { createEmbeddedStreamStore, type EmbeddedStreamStoreOptions } from './stream-store.ts'
