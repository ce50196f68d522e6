export { createKafkaEventLog, type KafkaEventLog, type KafkaEventLogOptions } from './event-log.ts'
