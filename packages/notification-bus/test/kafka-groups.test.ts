import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { LogRecord } from '@parlance/notification-bus'
import type { KafkaEventLog } from '@parlance/notification-bus/kafka'
import { startProgram, until } from '@parlance/testing'
import { HandledHistory } from './handled-history.ts'
import { kafkaBrokers, type KafkaHouse, openHouse } from './kafka-house.ts'
import { publishUnderLoad } from './kafka-load.ts'

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url))
const runTypeScript = here('../../../test/run-typescript.mjs')
const record = (key: string, text: string): LogRecord => ({ key, payload: Buffer.from(text) })

describe.skipIf(kafkaBrokers === undefined)('members of a group', () => {
  let house: KafkaHouse
  let log: KafkaEventLog
  let history: HandledHistory

  beforeEach(async () => {
    house = await openHouse()
    log = house.open()
    history = new HandledHistory()
  })
  afterEach(() => house.close())

  const isHandled = (acknowledged: readonly string[]): boolean => {
    const { texts } = history
    return acknowledged.every((text) => texts.has(text))
  }

  test('who joins and leaves under load: everything is handled, in order, by one member at a time', async () => {
    await log.ensureTopics(['t'])
    const load = publishUnderLoad(log, { keyCount: 20, handledCount: () => history.all.length })
    const subscribe = (member: string) =>
      house.open({ sessionMs: 10_000 }).subscribe('t', 'g', history.of(member), { maxBatch: 50 })
    const first = await subscribe('first')
    await until('the first has all partitions', () => history.owners.size === 4)
    const second = await subscribe('second')
    const shareOf = (member: string) => [...history.owners.values()].filter((owner) => owner === member).length
    await until('each has two', () => shareOf('first') === 2 && shareOf('second') === 2)
    const third = await subscribe('third')
    await until('the third has one', () => shareOf('third') === 1 && shareOf('second') >= 1)
    await first.close()
    await until('the others have all', () => shareOf('first') === 0)
    await second.close()
    await until('the third has all', () => shareOf('third') === 4)
    await load.stop()
    await until('everything is handled', () => isHandled(load.acknowledged))
    expect(history.gaps).toEqual([])
    expect(history.repeats).toBe(0)
    expect(new Set(load.acknowledged).size).toBe(history.texts.size)
    await third.close()
    expect(await log.lagOf('t', 'g')).toBe(0)
  })

  test('a handler that outlives its turn is not heard: the new owner begins at its batch and keeps its progress', async () => {
    const two = { partitions: 2, sessionMs: 1000 }
    const slowLog = house.open(two)
    await slowLog.ensureTopics(['t'])
    const releases: (() => void)[] = []
    const hold = () => new Promise<void>((resolve) => void releases.push(resolve))
    await slowLog.subscribe('t', 'g', history.of('slow', hold), { maxBatch: 1 })
    for (let index = 0; index < 40; index++) await log.publish('t', [record(`k${index}`, String(index))])
    await until('it hangs in both partitions', () => releases.length === 2)
    await house.open(two).subscribe('t', 'g', history.of('quick'), { maxBatch: 10 })
    const taken = await until('the quick one has a partition', () => history.all[0]?.partition)
    const position = async (): Promise<number> => {
      const [stored] = await house.kafka.administer((admin) =>
        admin.fetchOffsets({ groupId: `${house.prefix}g:t`, topics: [`${house.prefix}t`] }),
      )
      return Number(stored!.partitions.find(({ partition }) => partition === taken)!.offset)
    }
    const progress = await until('its progress is stored', async () => {
      const offset = await position()
      return offset > 1 ? offset : undefined
    })
    await until('everything is handled', () => {
      for (const release of releases.splice(0)) release()
      return history.texts.size === 40
    })
    await until('the group has no lag', async () => (await log.lagOf('t', 'g')) === 0)
    expect(await position()).toBeGreaterThanOrEqual(progress)
    expect(history.all.filter(({ member, partition }) => member === 'slow' && partition === taken)).toHaveLength(1)
  })

  test('a handler may take longer than the session: the member stays, and the batch is handled once', async () => {
    const restarts: string[] = []
    const slow = house.open({
      sessionMs: 1000,
      metrics: {
        counter: (name) => ({ add: () => void restarts.push(name) }),
        gauge: () => ({ set: () => undefined }),
        histogram: () => ({ observe: () => undefined }),
      },
    })
    let release: (() => void) | undefined
    await slow.subscribe(
      't',
      'g',
      history.of('slow', () => new Promise((resolve) => (release = resolve))),
      {
        maxBatch: 1,
      },
    )
    await log.publish('t', [record('k', 'one')])
    await until('it is being handled', () => release !== undefined)
    const startedAt = performance.now()
    await until('two sessions have passed', () => performance.now() - startedAt > 2000)
    release!()
    await until('it is handled and committed', async () => (await log.lagOf('t', 'g')) === 0)
    expect(history.all).toHaveLength(1)
    expect(restarts).toEqual([])
    expect((await slow.health()).healthy).toBe(true)
  })

  test('a partition that fails holds up no other', async () => {
    const failing = async (records: readonly { key: string }[]): Promise<void> => {
      if (records.some(({ key }) => key === 'bad')) throw new Error('never')
    }
    // It never catches up; closing the house ends it.
    void log.subscribe('t', 'g', history.of('one', failing), { maxBatch: 5 }).catch(() => undefined)
    await log.publish('t', [record('bad', 'bad')])
    const keys = Array.from({ length: 50 }, (_, index) => `k${index}`)
    await log.publish(
      't',
      keys.map((key) => record(key, key)),
    )
    await until('three partitions go on', () => history.owners.size === 3)
    await log.publish(
      't',
      keys.map((key) => record(key, `${key} again`)),
    )
    await until('and on', () => history.all.some(({ text }) => text.endsWith('again')))
    expect(history.texts).not.toContain('bad')
  })

  test('kill -9: nothing is lost to the group, and each partition goes on in order', async () => {
    await log.ensureTopics(['t'])
    const lines: string[] = []
    let working: { readonly lines: readonly string[] } | undefined
    const handledCount = (): number => lines.length + (working?.lines.length ?? 0) + history.all.length
    const load = publishUnderLoad(log, { keyCount: 20, handledCount })
    for (let crash = 0; crash < 2; crash++) {
      const child = startProgram(runTypeScript, here('./child/consume-kafka.ts'), kafkaBrokers!, house.prefix)
      working = child
      await until('it has worked for a while', () => child.lines.length > 200)
      await child.kill()
      working = undefined
      lines.push(...child.lines)
    }
    for (const line of lines.filter((one) => one.endsWith(';'))) {
      const [partition, offset, text] = line.slice(0, -1).split(' ')
      history.all.push({ member: 'child', partition: Number(partition), offset: Number(offset), text: text! })
    }
    await log.subscribe('t', 'g', history.of('heir'), { maxBatch: 100 })
    await load.stop()
    await until('everything is handled', () => isHandled(load.acknowledged))
    expect(history.gaps).toEqual([])
  })

  test('the lag of a group counts what nobody has handled', async () => {
    await log.publish(
      't',
      Array.from({ length: 10 }, (_, index) => record(`k${index}`, 'x')),
    )
    expect(await log.lagOf('t', 'g')).toBe(10)
    const subscription = await log.subscribe('t', 'g', history.of('one'), { maxBatch: 5 })
    await subscription.close()
    expect(await log.lagOf('t', 'g')).toBe(0)
    await log.publish('t', [record('k', 'x')])
    expect(await log.lagOf('t', 'g')).toBe(1)
  })
})
