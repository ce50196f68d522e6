export { createMongoEntityStore, type MongoEntityStore, type MongoEntityStoreOptions } from './entity-store.ts'
export { createMongoRepositories, type MongoRepositories, type MongoRepositoriesOptions } from './mongo-repositories.ts'
export { type MongoStreamStore, type MongoStreamStoreOptions, openMongoStreamStore } from './stream-store.ts'
export { copyEmbeddedRepositories, type CopyRepositoriesOptions, CopySourceError } from './copy.ts'
