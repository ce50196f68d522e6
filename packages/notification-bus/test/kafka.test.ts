import { describe } from 'vitest'
import { eventLogContract } from '@parlance/notification-bus/contract'
import { kafkaBrokers, openHouse } from './kafka-house.ts'

describe.skipIf(kafkaBrokers === undefined)('Kafka', () => {
  const opened = new Map<object, () => Promise<void>>()
  eventLogContract('Kafka', {
    async open() {
      const house = await openHouse()
      const log = house.open()
      opened.set(log, () => house.close())
      return log
    },
    close: (log) => opened.get(log)?.(),
  })
})
