export { awake } from './awake.ts'
export { type Kafka, type KafkaHealth, type KafkaOptions, type KafkaTopicNeed, openKafka } from './connection.ts'
export {
  convertKafkaError,
  KafkaAccessError,
  KafkaProducerLostError,
  KafkaRefusedError,
  KafkaReplicasError,
  KafkaTooLargeError,
  KafkaTopicMissingError,
  KafkaUnavailableError,
} from './errors.ts'
export type { KafkaTopicLayout, KafkaTopicSpec } from './topics.ts'
