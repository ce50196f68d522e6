import 'reflect-metadata'
import { afterEach, beforeEach, describe, expect, expectTypeOf, test } from 'vitest'
import { ClosedError, InvalidArgumentError, OverloadedError } from '@parlance/core'
import { SqliteEngine } from '@parlance/engines/sqlite'
import {
  type Batch,
  type Bus,
  createBus,
  type DeadLetter,
  deadLettersOf,
  encodeRecords,
  type EventLog,
  json,
  topic,
} from '@parlance/notification-bus'
import { Consume, consumersOf, registerConsumers } from '@parlance/notification-bus/decorators'
import { createEmbeddedEventLog, type EmbeddedEventLog } from '@parlance/notification-bus/embedded'
import { createEmbeddedJournal } from '@parlance/seq-allocator/embedded'
import { temporaryFolder, type TemporaryFolder, until } from '@parlance/testing'

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

let folder: TemporaryFolder
let engine: SqliteEngine
let log: EmbeddedEventLog
let bus: Bus

const open = (): void => {
  engine = SqliteEngine.open({ path: `${folder.path}/data.db` })
  const journal = createEmbeddedJournal({ engine })
  log = createEmbeddedEventLog({ engine, journal, backoff: { firstMs: 1, maxMs: 2 } })
  bus = createBus({ log })
}
const close = async (): Promise<void> => {
  await bus.stop()
  await log.close()
  await engine.close()
}

async function letters(): Promise<DeadLetter[]> {
  const found: DeadLetter[] = []
  const consumer = await bus.consume(deadLettersOf('order.paid'), {
    group: `reader-${Math.random().toString(36).slice(2)}`,
    handler: async (batch) => void found.push(...batch.messages),
  })
  await consumer.close()
  return found
}

beforeEach(() => {
  folder = temporaryFolder()
  open()
})
afterEach(async () => {
  await close()
  folder.remove()
})

test('what waits is handled in batches as full as they may be', async () => {
  await bus.publishMany(
    orderPaid,
    Array.from({ length: 26 }, (_, index) => order(index)),
  )
  const sizes: number[] = []
  await bus.consume(orderPaid, {
    group: 'ledger',
    batch: 10,
    handler: async ({ messages }) => void sizes.push(messages.length),
  })
  expect(sizes).toEqual([10, 10, 6])
})

test('a message of the wrong type is a compile error', () => {
  expectTypeOf<Parameters<typeof bus.publish<Order>>[1]>().toEqualTypeOf<Order>()
  expectTypeOf(encodeRecords<Order>)
    .parameter(1)
    .toEqualTypeOf<readonly Order[]>()
})

test('messages published in a transaction of the caller reach the consumers', async () => {
  const seen: number[] = []
  await bus.consume(orderPaid, {
    group: 'ledger',
    handler: async ({ messages }) => void seen.push(...messages.map(({ amount }) => amount)),
  })
  await engine.write(() => log.publishIn(orderPaid.name, encodeRecords(orderPaid, [order(7)])))
  await until('it arrives', () => seen.length === 1)
  expect(seen).toEqual([7])
})

describe('dead letters', () => {
  test('what cannot be decoded is buried at once with the reason; the rest of its batch is handled', async () => {
    const broken = { key: 'c', payload: Buffer.from('{"customer":"c"}') }
    await log.publish(orderPaid.name, [
      ...encodeRecords(orderPaid, [order(1)]),
      broken,
      ...encodeRecords(orderPaid, [order(2)]),
    ])
    const seen: number[][] = []
    await bus.consume(orderPaid, {
      group: 'ledger',
      handler: async ({ messages }) => void seen.push(messages.map(({ amount }) => amount)),
    })
    expect(seen).toEqual([[1, 2]])
    const [letter, ...others] = await letters()
    expect(others).toEqual([])
    expect(letter).toMatchObject({
      topic: 'order.paid',
      group: 'ledger',
      offset: 2,
      key: 'c',
      reason: 'TypeError: an order needs an amount',
    })
    expect(Buffer.from(letter!.payload).toString()).toBe('{"customer":"c"}')
  })

  test('a poison message is buried after its attempts, alone, and the partition moves on', async () => {
    await bus.publishMany(
      orderPaid,
      [1, 2, 13, 4].map((amount) => order(amount)),
    )
    const tries: number[][] = []
    const handled: number[] = []
    await bus.consume(orderPaid, {
      group: 'ledger',
      attempts: 3,
      handler: async ({ messages }) => {
        tries.push(messages.map(({ amount }) => amount))
        if (messages.some(({ amount }) => amount === 13)) throw new Error('unlucky')
        handled.push(...messages.map(({ amount }) => amount))
      },
    })
    expect(tries).toEqual([[1, 2, 13, 4], [1, 2, 13, 4], [1, 2, 13, 4], [1], [2], [13], [4]])
    expect(handled).toEqual([1, 2, 4])
    expect(await letters()).toMatchObject([{ offset: 3, reason: 'Error: unlucky' }])
  })

  test('a batch of one is buried after exactly its attempts', async () => {
    await bus.publish(orderPaid, order(13))
    let tries = 0
    await bus.consume(orderPaid, {
      group: 'ledger',
      attempts: 3,
      handler: async () => Promise.reject(new Error(`try ${++tries}`)),
    })
    expect(tries).toBe(3)
    expect(await letters()).toMatchObject([{ reason: 'Error: try 3' }])
  })

  test('what was buried once is not buried again when the rest of its batch comes again', async () => {
    await log.publish(orderPaid.name, [
      { key: 'c', payload: Buffer.from('broken') },
      ...encodeRecords(orderPaid, [order(1)]),
    ])
    let tries = 0
    await bus.consume(orderPaid, {
      group: 'ledger',
      handler: async () => {
        if (++tries < 4) throw new Error('not yet')
      },
    })
    expect(tries).toBe(4)
    expect(await letters()).toHaveLength(1)
  })

  describe('no message blocks its partition for ever', () => {
    test('not one of a topic whose dead letters have no name left', async () => {
      const name = `${'t'.repeat(118)}.last`
      await log.publish(`${name}.dead`, [{ key: 'k', payload: Buffer.alloc(1) }])
      await bus.consume(deadLettersOf(name), { group: 'g', handler: async () => undefined })
    })

    test('but a log that cannot take it now gets it later', async () => {
      let failures = 0
      const shaky: EventLog = {
        subscribe: (...args) => log.subscribe(...args),
        publish: async (name, records) => {
          if (++failures < 3) throw new ClosedError('down')
          await log.publish(name, records)
        },
      }
      await log.publish(orderPaid.name, [{ key: 'c', payload: Buffer.from('broken') }])
      const own = createBus({ log: shaky })
      await own.consume(orderPaid, { group: 'ledger', handler: async () => undefined })
      expect(await letters()).toHaveLength(1)
      await own.stop()
    })
  })

  test('a failure that calls itself retryable never buries', async () => {
    await bus.publish(orderPaid, order(1))
    let tries = 0
    await bus.consume(orderPaid, {
      group: 'ledger',
      attempts: 2,
      handler: async () => {
        if (++tries < 10) throw new OverloadedError('the ledger is busy')
      },
    })
    expect(tries).toBe(10)
    expect(await letters()).toEqual([])
  })

  test('they are durable, and can be replayed as they were', async () => {
    await bus.publish(orderPaid, order(13))
    const failing = await bus.consume(orderPaid, {
      group: 'ledger',
      attempts: 1,
      handler: async () => Promise.reject(new Error('closed today')),
    })
    await failing.close()
    await close()
    open()
    const [letter] = await letters()
    await log.publish(letter!.topic, [{ key: letter!.key, payload: letter!.payload }])
    const seen: Order[] = []
    await bus.consume(orderPaid, { group: 'ledger', handler: async ({ messages }) => void seen.push(...messages) })
    expect(seen).toEqual([order(13)])
  })
})

test('messages that are too large, and names that some transport could not carry, are refused', async () => {
  await expect(bus.publish(orderPaid, order(1, 'x'.repeat(1_000_001)))).rejects.toThrow(InvalidArgumentError)
  for (const name of ['', 'Order.Paid', 'order..paid', 'order paid', 'a'.repeat(124)])
    expect(() => topic(name, orderPaid), name).toThrow(InvalidArgumentError)
  await expect(bus.consume(orderPaid, { group: 'a b', handler: async () => undefined })).rejects.toThrow(
    InvalidArgumentError,
  )
  await expect(bus.consume(orderPaid, { group: 'g', attempts: 0, handler: async () => undefined })).rejects.toThrow(
    InvalidArgumentError,
  )
})

describe('@Consume', () => {
  class Ledger {
    readonly booked: number[] = []
    @Consume(orderPaid, { group: 'ledger', batch: 5 })
    async book(batch: Batch<Order>): Promise<void> {
      this.booked.push(...batch.messages.map(({ amount }) => amount))
    }
  }
  class Audit extends Ledger {
    readonly audited: number[] = []
    @Consume(orderPaid, { group: 'audit' })
    async audit(batch: Batch<Order>): Promise<void> {
      this.audited.push(batch.messages.length)
    }
  }

  test('a decorated method consumes as the undecorated call would', async () => {
    await bus.publishMany(
      orderPaid,
      [1, 2, 3, 4, 5, 6].map((amount) => order(amount)),
    )
    const ledger = new Ledger()
    const [consumer] = await registerConsumers(bus, ledger)
    expect(ledger.booked).toEqual([1, 2, 3, 4, 5, 6])
    await consumer!.close()
  })

  test('a subclass consumes also what its base declares, and its own never leaks into the base', () => {
    expect(consumersOf(new Audit()).map(({ options }) => options.group)).toEqual(['ledger', 'audit'])
    expect(consumersOf(new Ledger()).map(({ options, topic: of }) => [of.name, options.group, options.batch])).toEqual([
      ['order.paid', 'ledger', 5],
    ])
  })

  test('when one consumer cannot start, the others are closed again', async () => {
    const taken = await bus.consume(orderPaid, { group: 'audit', handler: async () => undefined })
    await expect(registerConsumers(bus, new Audit())).rejects.toThrow(/consumes order.paid already/)
    await taken.close()
    expect(await registerConsumers(bus, new Audit())).toHaveLength(2)
  })

  test('a class that declares nothing is refused by name', async () => {
    class Nothing {}
    await expect(registerConsumers(bus, new Nothing())).rejects.toThrow(/Nothing consumes nothing/)
  })
})
