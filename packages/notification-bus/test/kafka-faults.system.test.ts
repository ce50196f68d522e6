import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { LogRecord } from '@parlance/notification-bus'
import { until } from '@parlance/testing'
import { canStart, startKafka, type TestServer } from '@parlance/testing/services'
import { HandledHistory } from './handled-history.ts'
import { openHouse } from './kafka-house.ts'
import { publishUnderLoad } from './kafka-load.ts'

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
        const load = publishUnderLoad(log, {
          keyCount: 10,
          handledCount: () => history.all.length,
          mayRepeat: ({ retryable }) => retryable === true,
        })
        const { acknowledged } = load
        await until('it runs', () => acknowledged.length > 500)
        if (fault === 'pause') await server.pause()
        else await server.kill()
        await until('health says so', async () => !(await log.health()).healthy)
        if (fault === 'pause') server.resume()
        else await server.start()
        const before = acknowledged.length
        await until('publishing goes on', () => acknowledged.length > before + 500, 60_000)
        await load.stop()
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
      await server.pause()
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
