export {
  type DistributedRepositories,
  type DistributedRepositoriesOptions,
  openDistributedRepositories,
} from './distributed-repositories.ts'
