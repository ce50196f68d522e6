import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { ClosedError, OverloadedError, silentLogger } from '@parlance/core'
import { defineContract, until } from '@parlance/testing'
import { type Bus, type BusOptions, createBus } from '../bus.ts'
import type { Batch } from '../consumption.ts'
import { type DeadLetter, deadLettersOf } from '../dead-letter.ts'
import type { EventLog } from '../event-log.ts'
import { json, topic } from '../topic.ts'

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
const order = (amount: number): Order => ({ customer: 'c', amount })
const amounts = ({ messages }: Batch<Order>): number[] => messages.map(({ amount }) => amount)
const text = json((value) => value as string)

async function onBus(
  log: EventLog,
  work: (bus: Bus) => Promise<void>,
  options: Partial<BusOptions> = {},
): Promise<void> {
  const bus = createBus({ log, ...options })
  try {
    await work(bus)
  } finally {
    await bus.stop()
  }
}

async function lettersOf(bus: Bus, name: string): Promise<DeadLetter[]> {
  const found: DeadLetter[] = []
  const consumer = await bus.consume(deadLettersOf(name), {
    group: 'reader',
    handler: async ({ messages }) => void found.push(...messages),
  })
  await consumer.close()
  return found
}

/** What topics are on every driver of {@link EventLog}; open it with waits between tries of a few milliseconds. */
export const topicsContract = defineContract<EventLog>()('topics', {
  'messages arrive typed, in order per key, in bounded batches': (log) =>
    onBus(log, async (bus) => {
      await bus.publishMany(
        orderPaid,
        Array.from({ length: 25 }, (_, index) => order(index)),
      )
      await bus.publish(orderPaid, order(25))
      const batches: Batch<Order>[] = []
      await bus.consume(orderPaid, { group: 'ledger', batch: 10, handler: async (batch) => void batches.push(batch) })
      deepEqual(
        batches.flatMap(amounts),
        Array.from({ length: 26 }, (_, index) => index),
      )
      equal(Math.max(...batches.map(({ messages }) => messages.length)), 10)
      deepEqual(batches[0]!.received[1], { message: order(1), key: 'c', offset: 2 })
      equal(batches[0]!.topic, 'order.paid')
    }),
  'what cannot be decoded and what fails each time is buried, and can be replayed; the rest is handled': (log) =>
    onBus(log, async (bus) => {
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
      deepEqual(handled, [1, 2])
      const letters = await lettersOf(bus, orderPaid.name)
      deepEqual(new Set(letters.map(({ offset }) => offset)), new Set([2, 3]))
      const { topic: name, group, key, reason, payload } = letters.find(({ offset }) => offset === 2)!
      deepEqual([name, group, key, reason], ['order.paid', 'ledger', 'c', 'Error: unlucky'])
      isLucky = true
      await log.publish(name, [{ key, payload }])
      await until('it is handled', () => handled.length === 3)
      deepEqual(handled, [1, 2, 13])
    }),
  'no message blocks its partition: a letter that the log refuses is given up with an error': async (log) => {
    const errors: string[] = []
    const logger = { ...silentLogger, error: (what: string) => void errors.push(what) }
    const work = async (bus: Bus): Promise<void> => {
      const note = topic('note', { schema: text, key: () => 'k' })
      await log.publish('note', [{ key: 'k', payload: Buffer.alloc(1024 * 1024 - 10, 'x') }])
      await bus.publish(note, 'behind')
      const seen: string[] = []
      await bus.consume(note, { group: 'g', handler: async ({ messages }) => void seen.push(...messages) })
      deepEqual(seen, ['behind'])
    }
    await onBus(log, work, { logger })
    deepEqual(errors, ['a message was given up, and the log refuses to keep it as a dead letter'])
  },
  'a message of the largest size becomes a letter, under the longest names and key': (log) =>
    onBus(log, async (bus) => {
      const largest = topic(`${'t'.repeat(118)}.last`, { schema: text, key: () => '\u0001'.repeat(1024) })
      const message = 'x'.repeat(999_998)
      await bus.publishMany(largest, [message, 'behind'])
      const seen: string[] = []
      await bus.consume(largest, {
        group: 'g'.repeat(128),
        attempts: 1,
        handler: async ({ messages }) => {
          if (messages.some(({ length }) => length > 10)) throw new Error('\u0001'.repeat(2000))
          seen.push(...messages)
        },
      })
      deepEqual(seen, ['behind'])
      const letters = await lettersOf(bus, largest.name)
      deepEqual(
        letters.map(({ payload }) => payload.byteLength),
        [1_000_000],
      )
      equal(text.decode(letters[0]!.payload), message)
    }),
  'stopping waits for the batch being handled, and ends consumers that are still catching up': async (log) => {
    const bus = createBus({ log })
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
    const outcome = rejects(catchingUp, ClosedError)
    await until('it has been tried', () => tries > 0)
    let isStopped = false
    const stopping = bus.stop().then(() => (isStopped = true))
    await outcome
    ok(!isStopped)
    release!()
    await stopping
    await rejects(bus.publish(orderPaid, order(2)), ClosedError)
    await onBus(log, async (next) => {
      await next.publish(orderPaid, order(3))
      const seen: Order[] = []
      await next.consume(orderPaid, { group: 'ledger', handler: async ({ messages }) => void seen.push(...messages) })
      deepEqual(seen, [order(3)])
    })
  },
})
