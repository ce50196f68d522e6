import type { Batch } from '@parlance/notification-bus'
import { Consume } from '@parlance/notification-bus/decorators'
import { type Order, orderPaid } from './order.ts'

export class Ledger {
  readonly #say: (line: string) => void

  constructor(say: (line: string) => void) {
    this.#say = say
  }

  @Consume(orderPaid, { group: 'ledger', batch: 200 })
  async book(batch: Batch<Order>): Promise<void> {
    for (const { orderID, cents } of batch.messages) this.#say(`  booked ${orderID}: ${cents / 100} €`)
  }
}
