export { type Bus, type BusOptions, type Consumer, createBus } from './bus.ts'
export {
  type AppendOptions,
  type Change,
  type ChangeKind,
  type ChangeLists,
  type ListDelta,
  type Position,
  rememberedOperations,
} from './change-list.ts'
export type { Batch, ConsumeOptions, Received } from './consumption.ts'
export { type DeadLetter, deadLettersOf } from './dead-letter.ts'
export type { EventLog, LogHandler, LogRecord, LogSubscription, ReadRecord, SubscribeOptions } from './event-log.ts'
export type { InvalidationChannel, InvalidationReceiver } from './invalidation-channel.ts'
export { encodeRecords, json, topic, type Topic, type TopicSchema } from './topic.ts'
