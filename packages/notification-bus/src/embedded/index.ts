export { createEmbeddedChangeLists, type EmbeddedChangeLists, type EmbeddedChangeListsOptions } from './change-lists.ts'
export { createEmbeddedEventLog, type EmbeddedEventLog, type EmbeddedEventLogOptions } from './event-log.ts'
export { createInProcessChannel } from './in-process-channel.ts'
