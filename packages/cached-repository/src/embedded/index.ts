export { createEmbeddedEntityStore, type EmbeddedEntityStoreOptions } from './entity-store.ts'
export { createEmbeddedStreamStore, type EmbeddedStreamStoreOptions } from './stream-store.ts'
export {
  createEmbeddedRepositories,
  type EmbeddedRepositories,
  type EmbeddedRepositoriesOptions,
} from './embedded-repositories.ts'
