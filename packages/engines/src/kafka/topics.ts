import { type Bytes, type Clock, type Count, type Milliseconds, TimeoutError, wait } from '@parlance/core'
import type { Admin, PartitionMetadata } from 'kafkajs'
import { convertKafkaError, KafkaRefusedError, KafkaTopicMissingError } from './errors.ts'

/** How a topic is made; one that exists stays as it is. */
export interface KafkaTopicSpec {
  readonly name: string
  readonly partitions: Count
  readonly replication: Count
  /** A publish is durable when so many brokers have it; with fewer of them in sync it is refused. */
  readonly minInSyncReplicas: Count
  readonly maxMessageBytes?: Bytes
  /** Further settings of the topic, for example `retention.ms`. */
  readonly config?: Readonly<Record<string, string>>
}

/** Where a topic's partitions are. */
export interface KafkaTopicLayout {
  readonly name: string
  /** The leader of each partition, -1 while there is none. */
  readonly leaders: readonly number[]
  /** How many replicas of each partition are in sync. */
  readonly inSync: readonly Count[]
}

/** The layout of a topic, `undefined` when it does not exist. One round trip. */
export async function describeTopic(admin: Admin, name: string): Promise<KafkaTopicLayout | undefined> {
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [name] })
    const partitions = byId(topics[0]?.partitions ?? [])
    if (partitions.length === 0) return undefined
    return { name, leaders: partitions.map(({ leader }) => leader), inSync: partitions.map(({ isr }) => isr.length) }
  } catch (error) {
    const converted = convertKafkaError(error, `topic ${name}`)
    if (converted instanceof KafkaTopicMissingError) return undefined
    throw converted
  }
}

/** Makes the topics that are missing; resolves when each partition has a leader. */
export async function makeTopics(
  admin: Admin,
  specs: readonly KafkaTopicSpec[],
  clock: Clock,
  limitMs: Milliseconds,
): Promise<KafkaTopicLayout[]> {
  const known = await Promise.all(specs.map(({ name }) => describeTopic(admin, name)))
  await Promise.all(specs.filter((_, index) => known[index] === undefined).map((spec) => create(admin, spec)))
  const deadline = clock.elapsed() + limitMs
  return Promise.all(
    specs.map(async ({ name }, index) => {
      let layout = known[index]
      while (layout === undefined || layout.leaders.some((leader) => leader < 0)) {
        if (clock.elapsed() > deadline)
          throw new TimeoutError(`topic ${name} has partitions without a leader after ${limitMs} ms: check the brokers`)
        if (layout !== undefined) await wait(clock, 50)
        layout = await describeTopic(admin, name)
        if (layout === undefined) await wait(clock, 20)
      }
      return layout
    }),
  )
}

async function create(admin: Admin, spec: KafkaTopicSpec): Promise<void> {
  const { name, partitions, replication, minInSyncReplicas, maxMessageBytes, config = {} } = spec
  const entries = {
    'min.insync.replicas': String(minInSyncReplicas),
    ...(maxMessageBytes !== undefined && { 'max.message.bytes': String(maxMessageBytes) }),
    ...config,
  }
  try {
    await admin.createTopics({
      waitForLeaders: false,
      topics: [
        {
          topic: name,
          numPartitions: partitions,
          replicationFactor: replication,
          configEntries: Object.entries(entries).map(([entry, value]) => ({ name: entry, value })),
        },
      ],
    })
  } catch (error) {
    const converted = convertKafkaError(error, `topic ${name}`)
    if (converted instanceof KafkaRefusedError)
      throw new KafkaRefusedError(
        `topic ${name} cannot be made with ${partitions} partitions and replication ${replication}: ${converted.message}; replication cannot exceed the number of brokers`,
        { cause: converted },
      )
    throw converted
  }
}

const byId = (partitions: readonly PartitionMetadata[]): PartitionMetadata[] =>
  partitions.toSorted((one, other) => one.partitionId - other.partitionId)
