import fc from 'fast-check'
import { Partitioners } from 'kafkajs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { InvalidArgumentError, OverloadedError } from '@parlance/core'
import type { LogRecord } from '@parlance/notification-bus'
import { until } from '@parlance/testing'
import { HandledHistory } from './handled-history.ts'
import { kafkaBrokers, type KafkaHouse, openHouse } from './kafka-house.ts'
import { partitionOf } from '../src/kafka/partition-of.ts'
import { shareOut } from '../src/kafka/sticky-assigner.ts'

const record = (key: string, text: string): LogRecord => ({ key, payload: Buffer.from(text) })

test('keys go where the clients of Kafka put them', () => {
  const choose = Partitioners.DefaultPartitioner()
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: 1 }), fc.integer({ min: 1, max: 64 }), (key, partitions) => {
      const partitionMetadata = Array.from({ length: partitions }, (_, partitionId) => ({
        partitionErrorCode: 0,
        partitionId,
        leader: 1,
        replicas: [1],
        isr: [1],
      }))
      const message = { key: Buffer.from(key), value: null }
      expect(partitionOf(Buffer.from(key), partitions)).toBe(choose({ topic: 't', partitionMetadata, message }))
    }),
  )
})

test('partitions are shared out evenly, each once, and who has one keeps it while its share allows', () => {
  const claims = fc.uniqueArray(
    fc.record({
      memberId: fc.uuid(),
      owned: fc.uniqueArray(fc.integer({ min: 0, max: 25 }), { maxLength: 12 }),
    }),
    { minLength: 1, maxLength: 7, selector: ({ memberId }) => memberId },
  )
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 20 }), claims, (count, members) => {
      const partitions = Array.from({ length: count }, (_, partition) => partition)
      const shares = shareOut(partitions, members)
      expect([...shares.values()].flat().toSorted((one, other) => one - other)).toEqual(partitions)
      const sizes = [...shares.values()].map((share) => share.length)
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
      expect(
        shareOut(
          partitions,
          members.map(({ memberId }) => ({ memberId, owned: shares.get(memberId)! })),
        ),
      ).toEqual(shares)
    }),
  )
})

describe.skipIf(kafkaBrokers === undefined)('publishing to Kafka', () => {
  let house: KafkaHouse
  beforeEach(async () => {
    house = await openHouse()
  })
  afterEach(() => house.close())

  test('a record that the topic refuses as too large is refused to its publisher alone', async () => {
    const log = house.open({ topicConfig: { 'max.message.bytes': '20000' } })
    await log.ensureTopics(['t', 'other'])
    const texts = Array.from({ length: 60 }, (_, index) => String(index))
    const outcomes = await Promise.allSettled([
      ...texts.slice(0, 30).map((text) => log.publish('t', [record('k', text)])),
      log.publish('t', [record('k', 'x'.repeat(30_000))]),
      ...texts.slice(30).map((text) => log.publish('t', [record('k', text)])),
      log.publish('other', [record('k', 'other')]),
    ])
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected')
    expect(refused.map(({ reason }) => reason as unknown)).toEqual([expect.any(InvalidArgumentError)])
    expect(outcomes[30]!.status).toBe('rejected')
    const history = new HandledHistory()
    await log.subscribe('t', 'g', history.of('one'), { maxBatch: 100 })
    expect(history.all.map(({ text }) => text)).toEqual(texts)
  })

  test('many large records are many batches', async () => {
    const log = house.open()
    const texts = Array.from({ length: 12 }, (_, index) => String(index).padEnd(400_000, '.'))
    await Promise.all(texts.map((text) => log.publish('t', [record('k', text)])))
    const history = new HandledHistory()
    const sizes: number[] = []
    const measure = async (records: readonly unknown[]): Promise<void> => void sizes.push(records.length)
    await house.open({ maxBatchBytes: 1_000_000 }).subscribe('t', 'g', history.of('one', measure), { maxBatch: 100 })
    expect(history.all.map(({ text }) => text)).toEqual(texts)
    expect(Math.max(...sizes)).toBe(2)
  })

  test('what no log takes is refused at once; what does not fit into the queue, for now', async () => {
    const log = house.open({ maxQueuedRecords: 10 })
    await expect(log.publish('t', [{ key: 'k', payload: Buffer.alloc(1024 * 1024) }])).rejects.toThrow(
      InvalidArgumentError,
    )
    await expect(log.publish('No.Topic', [record('k', 'x')])).rejects.toThrow(InvalidArgumentError)
    await log.ensureTopics(['t'])
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => log.publish('t', [record('k', 'x')])))
    const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []))
    expect(refused.length).toBeGreaterThan(0)
    for (const error of refused) expect(error).toBeInstanceOf(OverloadedError)
    await log.publish('t', [record('k', 'later')])
  })

  test('a topic that was deleted is made again', async () => {
    const log = house.open()
    await log.publish('t', [record('k', 'before')])
    await house.kafka.administer((admin) => admin.deleteTopics({ topics: [`${house.prefix}t`] }))
    // The controller answers; brokers hear of it a moment later.
    await until('the broker misses the topic', async () => /topic .* is missing/.test((await log.health()).words))
    await log.publish('t', [record('k', 'after')])
    expect((await log.health()).healthy).toBe(true)
  })

  test('two that open a topic at the same time make it once', async () => {
    const logs = [house.open(), house.open(), house.open()]
    await Promise.all(logs.map((log, index) => log.publish('t', [record('k', String(index))])))
    const history = new HandledHistory()
    await logs[0]!.subscribe('t', 'g', history.of('one'), { maxBatch: 10 })
    expect(history.texts.size).toBe(3)
  })

  test('closing sends what waits, and takes nothing more', async () => {
    const log = house.open()
    await log.ensureTopics(['t'])
    const publishing = Promise.all(Array.from({ length: 50 }, () => log.publish('t', [record('k', 'x')])))
    await log.close()
    await publishing
    await expect(log.publish('t', [record('k', 'x')])).rejects.toThrow(/closed/)
  })
})
