import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { LogRecord } from '@parlance/notification-bus'
import { until } from '@parlance/testing'
import { canStart, startKafka, type TestServer } from '@parlance/testing/services'
import { HandledHistory } from './handled-history.ts'
import { openHouse } from './kafka-house.ts'

const record = (key: string, text: string): LogRecord => ({ key, payload: Buffer.from(text) })

describe.skipIf(!canStart('kafka'))('a broker that dies', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startKafka()
  })
  afterAll(() => server.remove())

  test.each(['pause', 'kill'] as const)(
    '%s: what was acknowledged is handled, in order per key, and everything goes on by itself',
    async (fault) => {
      const house = await openHouse(server.url, { requestTimeoutMs: 2000 })
      try {
        const log = house.open()
        const history = new HandledHistory()
        await log.subscribe('t', 'g', history.of('one'), { maxBatch: 100 })
        const acknowledged: string[] = []
        let isOver = false
        const publishing = Promise.all(
          Array.from({ length: 10 }, async (_, key) => {
            for (let round = 0; !isOver; round++) {
              const text = `${key}-${round}`
              // What was rejected is published again, as a client would.
              for (let isStored = false; !isStored;) {
                isStored = await log.publish('t', [record(`k${key}`, text)]).then(
                  () => true,
                  (error: { retryable?: boolean }) => {
                    if (error.retryable !== true) throw error
                    return false
                  },
                )
              }
              acknowledged.push(text)
              await new Promise((resolve) => void setTimeout(resolve, 2))
            }
          }),
        )
        await until('it runs', () => acknowledged.length > 500)
        if (fault === 'pause') server.pause()
        else await server.kill()
        await until('health says so', async () => !(await log.health()).healthy)
        if (fault === 'pause') server.resume()
        else await server.start()
        const before = acknowledged.length
        await until('publishing goes on', () => acknowledged.length > before + 500, 60_000)
        isOver = true
        await publishing
        await until(
          'everything is handled',
          () => {
            const { texts } = history
            return acknowledged.every((text) => texts.has(text))
          },
          60_000,
        )
        expect(history.gaps).toEqual([])
        for (let key = 0; key < 10; key++) {
          const handled = [...history.texts].filter((text) => text.startsWith(`${key}-`))
          expect(handled).toEqual(acknowledged.filter((text) => text.startsWith(`${key}-`)))
        }
        await until('health says so', async () => (await log.health()).healthy)
      } finally {
        await house.close()
      }
    },
  )

  test('a publish that was given up while the broker hung does not swallow the next one', async () => {
    const house = await openHouse(server.url, { requestTimeoutMs: 1000 })
    try {
      const log = house.open({ partitions: 1, deliveryMs: 1 })
      await log.publish('t', [record('k', 'first')])
      server.pause()
      await expect(log.publish('t', [record('k', 'given up')])).rejects.toMatchObject({ retryable: true })
      server.resume()
      await until('it publishes again', () => log.publish('t', [record('k', 'next')]).then(() => true))
      await log.publish('t', [record('k', 'last')])
      const history = new HandledHistory()
      await log.subscribe('t', 'g', history.of('one'), { maxBatch: 10 })
      // The one given up may be there, even between those behind it: the broker worked off what it had received.
      expect([...history.texts].filter((text) => text !== 'given up')).toEqual(['first', 'next', 'last'])
    } finally {
      await house.close()
    }
  })
})
