import { json, topic } from '@parlance/notification-bus'

export interface Order {
  readonly orderID: string
  readonly customerID: string
  readonly cents: number
}

function asOrder(value: unknown): Order {
  const { orderID, customerID, cents } = value as Record<string, unknown>
  if (typeof orderID === 'string' && typeof customerID === 'string' && typeof cents === 'number')
    return { orderID, customerID, cents }
  throw new TypeError('not an order')
}

/** Orders of one customer are consumed in the order in which they were paid. */
export const orderPaid = topic('order.paid', { schema: json(asOrder), key: ({ customerID }) => customerID })
