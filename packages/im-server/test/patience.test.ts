import { type Logger, ParlanceError, silentLogger } from '@parlance/core'
import { settle, VirtualClock } from '@parlance/testing'
import { beforeEach, describe, expect, it } from 'vitest'
import { Patience } from '../src/composition/patience.ts'

class AwayError extends ParlanceError {
  static override readonly retryable = true
}
class RefusedError extends ParlanceError {}

describe('a process that waits for services', () => {
  let clock: VirtualClock
  let patience: Patience
  let said: string[]

  beforeEach(() => {
    clock = new VirtualClock()
    said = []
    const logger: Logger = {
      ...silentLogger,
      warn: (message, fields) => void said.push(`${String(fields?.['waitsFor'])}: ${message}`),
    }
    patience = new Patience({ clock, logger, forMs: 30_000 })
  })

  it('has one that comes later, and said each reason once', async () => {
    const reasons = ['nobody listens', 'nobody listens', 'it loads its data']
    const opened = patience.for('Redis', async () => {
      const reason = reasons.shift()
      if (reason !== undefined) throw new AwayError(reason)
      return 'a connection'
    })
    await clock.advance(10_000)
    expect(await opened).toBe('a connection')
    expect(said).toEqual(['Redis: waiting for Redis: nobody listens', 'Redis: waiting for Redis: it loads its data'])
    await clock.advance(60_000)
    expect(said).toHaveLength(2)
  })

  it('names one that neither answers nor fails', async () => {
    void patience.for('Kafka', () => new Promise(() => undefined))
    await clock.advance(1_000)
    expect(said).toEqual(['Kafka: waiting for Kafka: it has not answered yet'])
  })

  it('ends with the reason of its signal, whatever it waits for', async () => {
    const interrupt = new AbortController()
    patience = new Patience({ clock, logger: silentLogger, forMs: 30_000, signal: interrupt.signal })
    const [redis, kafka] = ['Redis', 'Kafka'].map((name) =>
      patience.for(name, () => Promise.reject(new AwayError('nobody listens'))),
    )
    await clock.advance(1_000)
    interrupt.abort(new RefusedError('not wanted any more'))
    await expect(redis).rejects.toThrow('not wanted any more')
    await expect(kafka).rejects.toThrow('not wanted any more')
  })

  it('says nothing of one that is there', async () => {
    expect(await patience.for('Kafka', () => Promise.resolve(1))).toBe(1)
    await clock.advance(60_000)
    expect(said).toEqual([])
  })

  it('ends with the last reason when its time is over, also for those that fail later', async () => {
    let tries = 0
    const mongo = patience.for('MongoDB', async () => {
      throw new AwayError(`try ${++tries}`)
    })
    let refuse: (error: Error) => void = () => undefined
    const kafka = patience.for('Kafka', () => new Promise((_, reject) => (refuse = reject)))
    const endings = Promise.allSettled([mongo, kafka])
    await clock.advance(40_000)
    refuse(new AwayError('nobody listens'))
    const [first, second] = await endings
    expect(tries).toBeGreaterThan(10)
    expect(first).toMatchObject({ reason: { message: `try ${tries}` } })
    expect(second).toMatchObject({ reason: { message: `try ${tries}` } })
  })

  it.each([new RefusedError('a wrong password'), new TypeError('a defect')])(
    'ends all waiting at once when it is of no use: %s',
    async (error) => {
      const mongo = patience.for('MongoDB', () => Promise.reject(new AwayError('nobody listens')))
      await settle()
      const redis = patience.for('Redis', () => Promise.reject(error))
      const endings = await Promise.allSettled([mongo, redis])
      expect(endings).toMatchObject([{ reason: error }, { reason: error }])
    },
  )

  it('of no time asks once', async () => {
    let tries = 0
    const hasty = new Patience({ clock, logger: silentLogger, forMs: 0 })
    await expect(
      hasty.for('Redis', async () => {
        tries++
        throw new AwayError('nobody listens')
      }),
    ).rejects.toThrow('nobody listens')
    expect(tries).toBe(1)
  })
})
