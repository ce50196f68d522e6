import { join } from 'node:path'
import { SqliteEngine } from '@parlance/engines/sqlite'
import { createBus } from '@parlance/notification-bus'
import { registerConsumers } from '@parlance/notification-bus/decorators'
import { createEmbeddedEventLog } from '@parlance/notification-bus/embedded'
import { createEmbeddedJournal } from '@parlance/seq-allocator/embedded'
import { Ledger } from './ledger.ts'
import { orderPaid } from './order.ts'

/** Publishes while nobody listens; the ledger catches up, and goes on where it stopped. */
export async function keepTheBooks(folder: string, say: (line: string) => void): Promise<void> {
  const engine = SqliteEngine.open({ path: join(folder, 'bus.db') })
  const log = createEmbeddedEventLog({ engine, journal: createEmbeddedJournal({ engine }) })
  const bus = createBus({ log })

  await bus.publish(orderPaid, { orderID: 'A-1', customerID: 'ada', cents: 1_250 })
  await bus.publish(orderPaid, { orderID: 'A-2', customerID: 'ada', cents: 300 })
  say('published two orders: durable, although nobody consumes them yet')

  // Resolves when everything published before has been handled.
  const [ledger] = await registerConsumers(bus, new Ledger(say))
  await ledger!.close()

  await bus.publish(orderPaid, { orderID: 'A-3', customerID: 'ada', cents: 4_000 })
  say('published one while the ledger was away')
  await registerConsumers(bus, new Ledger(say))

  await bus.stop()
  await log.close()
  await engine.close()
}
