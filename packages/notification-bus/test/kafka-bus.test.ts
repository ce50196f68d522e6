import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ClosedError, OverloadedError, silentLogger } from '@parlance/core'
import {
  type Batch,
  type Bus,
  createBus,
  type DeadLetter,
  deadLettersOf,
  json,
  topic,
} from '@parlance/notification-bus'
import type { KafkaEventLog } from '@parlance/notification-bus/kafka'
import { until } from '@parlance/testing'
import { kafkaBrokers, type KafkaHouse, openHouse } from './kafka-house.ts'

interface Order {
  readonly customer: string
  readonly amount: number
}

const orderPaid = topic<Order>('order.paid', {
  schema: json((value) => {
    const order = value as Order
    if (typeof order?.amount !== 'number') throw new TypeError('an order needs an amount')
    return order
  }),
  key: (order) => order.customer,
})
const order = (amount: number, customer = 'c'): Order => ({ customer, amount })
const amounts = ({ messages }: Batch<Order>): number[] => messages.map(({ amount }) => amount)

describe.skipIf(kafkaBrokers === undefined)('topics in Kafka', () => {
  let house: KafkaHouse
  let log: KafkaEventLog
  let bus: Bus

  beforeEach(async () => {
    house = await openHouse()
    log = house.open()
    bus = createBus({ log })
  })
  afterEach(async () => {
    await bus.stop()
    await house.close()
  })

  async function lettersOf(name: string): Promise<DeadLetter[]> {
    const found: DeadLetter[] = []
    const consumer = await bus.consume(deadLettersOf(name), {
      group: 'reader',
      handler: async ({ messages }) => void found.push(...messages),
    })
    await consumer.close()
    return found
  }

  test('messages arrive typed, in order per key, in bounded batches', async () => {
    await bus.publishMany(
      orderPaid,
      Array.from({ length: 25 }, (_, index) => order(index)),
    )
    await bus.publish(orderPaid, order(25))
    const batches: Batch<Order>[] = []
    await bus.consume(orderPaid, { group: 'ledger', batch: 10, handler: async (batch) => void batches.push(batch) })
    expect(batches.flatMap(amounts)).toEqual(Array.from({ length: 26 }, (_, index) => index))
    expect(Math.max(...batches.map(({ messages }) => messages.length))).toBe(10)
    expect(batches[0]!.received[1]).toEqual({ message: order(1), key: 'c', offset: 2 })
    expect(batches[0]!.topic).toBe('order.paid')
  })

  test('what cannot be decoded and what fails each time is buried, and can be replayed; the rest is handled', async () => {
    await bus.publishMany(orderPaid, [order(1), order(13)])
    await log.publish(orderPaid.name, [{ key: 'c', payload: Buffer.from('broken') }])
    await bus.publish(orderPaid, order(2))
    const handled: number[] = []
    let isLucky = false
    await bus.consume(orderPaid, {
      group: 'ledger',
      attempts: 2,
      handler: async (batch) => {
        if (amounts(batch).includes(13) && !isLucky) throw new Error('unlucky')
        handled.push(...amounts(batch))
      },
    })
    expect(handled).toEqual([1, 2])
    const letters = await lettersOf(orderPaid.name)
    expect(new Set(letters.map(({ offset }) => offset))).toEqual(new Set([2, 3]))
    const unlucky = letters.find(({ offset }) => offset === 2)!
    expect(unlucky).toMatchObject({ topic: 'order.paid', group: 'ledger', key: 'c', reason: 'Error: unlucky' })
    isLucky = true
    await log.publish(unlucky.topic, [{ key: unlucky.key, payload: unlucky.payload }])
    await until('it is handled', () => handled.length === 3)
    expect(handled).toEqual([1, 2, 13])
  })

  test('no message blocks its partition: a letter that the log refuses is given up with an error', async () => {
    const errors: string[] = []
    const own = createBus({ log, logger: { ...silentLogger, error: (what) => void errors.push(what) } })
    const note = topic('note', { schema: json((value) => value as string), key: () => 'k' })
    await log.publish('note', [{ key: 'k', payload: Buffer.alloc(1024 * 1024 - 10, 'x') }])
    await own.publish(note, 'behind')
    const seen: string[] = []
    await own.consume(note, { group: 'g', handler: async ({ messages }) => void seen.push(...messages) })
    expect(seen).toEqual(['behind'])
    expect(errors).toEqual(['a message was given up, and the log refuses to keep it as a dead letter'])
    await own.stop()
  })

  test('a message of the largest size becomes a letter, under the longest names and key', async () => {
    const text = json((value) => value as string)
    const largest = topic(`${'t'.repeat(118)}.last`, { schema: text, key: () => '\u0001'.repeat(1024) })
    await bus.publishMany(largest, ['x'.repeat(999_998), 'behind'])
    const seen: string[] = []
    await bus.consume(largest, {
      group: 'g'.repeat(128),
      attempts: 1,
      handler: async ({ messages }) => {
        if (messages.some((message) => message.length > 10)) throw new Error('\u0001'.repeat(2000))
        seen.push(...messages)
      },
    })
    expect(seen).toEqual(['behind'])
    expect((await lettersOf(largest.name)).map(({ payload }) => payload.byteLength)).toEqual([1_000_000])
  })

  test('stopping waits for the batch being handled, and ends consumers that are still catching up', async () => {
    let release: (() => void) | undefined
    await bus.consume(orderPaid, {
      group: 'ledger',
      handler: () => new Promise<void>((resolve) => (release = resolve)),
    })
    await bus.publish(orderPaid, order(1))
    await until('it is being handled', () => release !== undefined)
    let tries = 0
    const catchingUp = bus.consume(orderPaid, {
      group: 'audit',
      handler: async () => Promise.reject(new OverloadedError(`try ${++tries}`)),
    })
    const outcome = expect(catchingUp).rejects.toThrow(ClosedError)
    await until('it has been tried', () => tries > 0)
    let stopped = false
    const stopping = bus.stop().then(() => (stopped = true))
    await outcome
    expect(stopped).toBe(false)
    release!()
    await stopping
    bus = createBus({ log })
    await bus.publish(orderPaid, order(3))
    const seen: Order[] = []
    await bus.consume(orderPaid, { group: 'ledger', handler: async ({ messages }) => void seen.push(...messages) })
    expect(seen).toEqual([order(3)])
  })
})
