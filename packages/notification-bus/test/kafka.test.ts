import type { EventLog } from '@parlance/notification-bus'
import { eventLogContract, topicsContract } from '@parlance/notification-bus/contract'
import type { ContractDriver } from '@parlance/testing'
import { describe } from 'vitest'
import { kafkaBrokers, openHouse } from './kafka-house.ts'

describe.skipIf(kafkaBrokers === undefined)('Kafka', () => {
  const opened = new Map<object, () => Promise<void>>()
  const driver: ContractDriver<EventLog, never> = {
    async open() {
      const house = await openHouse()
      const log = house.open()
      opened.set(log, () => house.close())
      return log
    },
    close: (log) => opened.get(log)?.(),
  }
  eventLogContract('Kafka', driver)
  topicsContract('Kafka', driver)
})
