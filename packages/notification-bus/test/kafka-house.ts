import { type Kafka, type KafkaOptions, openKafka } from '@parlance/engines/kafka'
import { createKafkaEventLog, type KafkaEventLog, type KafkaEventLogOptions } from '@parlance/notification-bus/kafka'
import { serviceURL } from '@parlance/testing'

/** Where Kafka is, or `undefined`. */
export const kafkaBrokers = serviceURL('kafka')

/** A log under a prefix of its own. */
export interface KafkaHouse {
  readonly kafka: Kafka
  readonly prefix: string
  /** Opens another log on the same topics, as another process would. */
  open(options?: Partial<KafkaEventLogOptions>): KafkaEventLog
  /** Closes every log and, on the services of all, removes the topics and groups. */
  close(): Promise<void>
}

export async function openHouse(brokers = kafkaBrokers!, options: Partial<KafkaOptions> = {}): Promise<KafkaHouse> {
  const kafka = await openKafka({ brokers: brokers.split(','), ...options })
  const prefix = `test-${Math.random().toString(36).slice(2)}.`
  const logs: KafkaEventLog[] = []
  return {
    kafka,
    prefix,
    open(given = {}) {
      const log = createKafkaEventLog({
        kafka,
        prefix,
        partitions: 4,
        backoff: { firstMs: 1, maxMs: 3 },
        sessionMs: 3000,
        ...given,
      })
      logs.push(log)
      return log
    },
    async close() {
      await Promise.all(logs.map((log) => log.close()))
      if (brokers !== kafkaBrokers) return kafka.close()
      await kafka.administer(async (admin) => {
        const { groups } = await admin.listGroups()
        const own = groups.map(({ groupId }) => groupId).filter((groupId) => groupId.startsWith(prefix))
        if (own.length > 0) await admin.deleteGroups(own)
        const topics = (await admin.listTopics()).filter((name) => name.startsWith(prefix))
        if (topics.length > 0) await admin.deleteTopics({ topics })
      })
      await kafka.close()
    },
  }
}
