export { changeListsContract } from './change-lists.ts'
export { eventLogContract } from './event-log.ts'
export { invalidationChannelContract } from './invalidation-channel.ts'
export { topicsContract } from './topics.ts'
