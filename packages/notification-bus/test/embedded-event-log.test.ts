import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { ClosedError, type Gauge, InvalidArgumentError, noMetrics, silentLogger } from '@parlance/core'
import { SqliteEngine } from '@parlance/engines/sqlite'
import type { LogRecord, ReadRecord } from '@parlance/notification-bus'
import {
  createEmbeddedEventLog,
  type EmbeddedEventLog,
  type EmbeddedEventLogOptions,
} from '@parlance/notification-bus/embedded'
import { createEmbeddedJournal, type EmbeddedJournal } from '@parlance/seq-allocator/embedded'
import { settle, startProgram, temporaryFolder, type TemporaryFolder, until, VirtualClock } from '@parlance/testing'

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url))
const runTypeScript = here('../../../test/run-typescript.mjs')

let folder: TemporaryFolder
let engine: SqliteEngine
let journal: EmbeddedJournal
let log: EmbeddedEventLog
let commits: number

function open(options: Partial<EmbeddedEventLogOptions> = {}): void {
  engine = SqliteEngine.open({ path: `${folder.path}/data.db`, faults: { beforeCommit: () => void commits++ } })
  journal = createEmbeddedJournal({ engine })
  log = createEmbeddedEventLog({ engine, journal, ...options })
}

async function reopen(options?: Partial<EmbeddedEventLogOptions>): Promise<void> {
  await log.close()
  await engine.close()
  open(options)
}

const record = (key: string, text: string): LogRecord => ({ key, payload: Buffer.from(text) })
const records = (count: number, key = 'k') => Array.from({ length: count }, (_, index) => record(key, String(index)))
const textOf = ({ payload }: ReadRecord): string => Buffer.from(payload).toString()

beforeEach(() => {
  folder = temporaryFolder()
  commits = 0
  open()
})
afterEach(async () => {
  await log.close()
  await engine.close()
  folder.remove()
})

test('publishIn is part of the transaction it is called in; an undone one reaches nobody', async () => {
  const seen: string[] = []
  await log.subscribe('t', 'g', async (batch) => void seen.push(...batch.map(textOf)), { maxBatch: 10 })
  const undone = engine.write(() => {
    log.publishIn('t', [record('k', 'undone')])
    throw new Error('undo')
  })
  await Promise.all([
    expect(undone).rejects.toThrow('undo'),
    engine.write(() => log.publishIn('t', [record('k', 'kept')])),
  ])
  await until('the record arrives', () => seen.length > 0)
  expect(seen).toEqual(['kept'])
  expect(() => log.publishIn('t', records(1))).toThrow(/inside SqliteEngine.write/)
})

test('a topic first used in a transaction that is undone can be used again', async () => {
  await expect(
    engine.write(() => {
      log.publishIn('t', records(1))
      throw new Error('undo')
    }),
  ).rejects.toThrow('undo')
  await log.publish('t', records(1))
  await reopen()
  await log.publish('t', records(1))
})

test('records are delivered after the publisher went on, in a later turn of the event loop', async () => {
  const order: string[] = []
  await log.subscribe('t', 'g', async () => void order.push('delivered'), { maxBatch: 10 })
  await log.publish('t', records(1)).then(() => order.push('published'))
  await until('both happened', () => order.length === 2)
  expect(order).toEqual(['published', 'delivered'])
})

test('a hundred records are one commit and one row per partition', async () => {
  await log.subscribe('t', 'g', async () => undefined, { maxBatch: 100 })
  commits = 0
  await log.publish(
    't',
    Array.from({ length: 100 }, (_, index) => record(`k${index}`, 'x')),
  )
  expect(commits).toBe(1)
  expect(engine.prepare<{ n: number }>('SELECT count(*) AS n FROM journal_log').get()!.n).toBe(4)
})

test('offsets are dense from 1 in each partition', async () => {
  const seen = new Map<number, number[]>()
  await log.publish(
    't',
    Array.from({ length: 60 }, (_, index) => record(`k${index % 6}`, 'x')),
  )
  await log.subscribe(
    't',
    'g',
    async (batch) => {
      for (const { partition, offset } of batch) seen.set(partition, [...(seen.get(partition) ?? []), offset])
    },
    { maxBatch: 7 },
  )
  for (const offsets of seen.values()) expect(offsets).toEqual(offsets.map((_, index) => index + 1))
  expect([...seen.values()].flat()).toHaveLength(60)
})

test('offsets of many batches are stored together, and not more often than configured', async () => {
  const clock = new VirtualClock()
  await reopen({ clock, offsetDelayMs: 50, partitions: 1 })
  let handled = 0
  await log.subscribe('t', 'g', async (batch) => void (handled += batch.length), { maxBatch: 1 })
  await log.publish('t', records(20))
  await until('all are handled', () => handled === 20)
  commits = 0
  const stored = () => engine.prepare<{ offset: number }>('SELECT offset FROM log_offsets').get()!.offset
  expect(stored()).toBe(0)
  await clock.advance(50)
  await until('the offset is stored', () => stored() === 20)
  expect(commits).toBe(1)
})

test('a failing consumer is tried again after a growing wait, not at once', async () => {
  const clock = new VirtualClock()
  await reopen({ clock, backoff: { firstMs: 100, maxMs: 10_000, random: () => 1 } })
  let tries = 0
  await log.subscribe('t', 'g', async () => Promise.reject(new Error(`try ${++tries}`)), { maxBatch: 1 })
  await log.publish('t', records(1))
  await until('the first try', () => tries === 1)
  await clock.advance(99)
  expect(tries).toBe(1)
  await clock.advance(1)
  await until('the second try', () => tries === 2)
  await clock.advance(199)
  expect(tries).toBe(2)
  await clock.advance(1)
  await until('the third try', () => tries === 3)
})

test('a failing consumer holds up only its own partition', async () => {
  const seen: string[] = []
  const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
  await log.publish(
    't',
    keys.map((key) => record(key, key)),
  )
  let stuckPartition: number | undefined
  const subscribing = log.subscribe(
    't',
    'g',
    async (batch) => {
      stuckPartition ??= batch[0]!.partition
      if (batch[0]!.partition === stuckPartition) throw new Error('stuck')
      seen.push(...batch.map(textOf))
    },
    { maxBatch: 10 },
  )
  const partitionsOf = new Map<string, number>()
  await log.subscribe(
    't',
    'all',
    async (batch) => batch.forEach(({ key, partition }) => partitionsOf.set(key, partition)),
    {
      maxBatch: 10,
    },
  )
  const others = keys.filter((key) => partitionsOf.get(key) !== stuckPartition)
  await until('the others are handled', () => seen.length === others.length)
  expect(seen.toSorted()).toEqual(others)
  const closing = log.close()
  await expect(subscribing).rejects.toThrow(ClosedError)
  await closing
})

test('a topic keeps its number of partitions, and with it the order of each key', async () => {
  await reopen({ partitions: 2 })
  await log.publish('t', [record('a', '1'), record('b', '1'), record('c', '1'), record('d', '1')])
  await reopen({ partitions: 7 })
  await log.publish('t', [record('a', '2'), record('b', '2'), record('c', '2'), record('d', '2')])
  const seen: ReadRecord[] = []
  await log.subscribe('t', 'g', async (batch) => void seen.push(...batch), { maxBatch: 10 })
  for (const key of ['a', 'b', 'c', 'd']) {
    const mine = seen.filter((one) => one.key === key)
    expect(mine.map(textOf)).toEqual(['1', '2'])
    expect(mine[0]!.partition).toBe(mine[1]!.partition)
  }
})

test('an engine has one event log', () => {
  expect(() => createEmbeddedEventLog({ engine, journal })).toThrow(/the event log already/)
})

test('one group has one subscription at a time', async () => {
  const handler = async () => undefined
  const first = await log.subscribe('t', 'g', handler, { maxBatch: 1 })
  await expect(log.subscribe('t', 'g', handler, { maxBatch: 1 })).rejects.toThrow(InvalidArgumentError)
  await first.close()
  await first.close()
  await log.subscribe('t', 'g', handler, { maxBatch: 1 })
})

test('names, keys and batches that cannot be accepted are refused', async () => {
  const handler = async () => undefined
  await expect(log.publish('Order Paid', records(1))).rejects.toThrow(InvalidArgumentError)
  await expect(log.publish('t', [record('k'.repeat(1025), 'x')])).rejects.toThrow(InvalidArgumentError)
  for (const maxBatch of [0, 1.5, 10_001])
    await expect(log.subscribe('t', 'g', handler, { maxBatch })).rejects.toThrow(InvalidArgumentError)
  const other = SqliteEngine.open({ path: `${folder.path}/other.db` })
  const partitions = { engine: other, journal: createEmbeddedJournal({ engine: other }), partitions: 0 }
  expect(() => createEmbeddedEventLog(partitions)).toThrow(/partitions/)
  await other.close()
})

test('a batch is cut by its bytes', async () => {
  await reopen({ maxBatchBytes: 1000, partitions: 1 })
  await log.publish(
    't',
    [400, 400, 400, 3000, 1].map((size) => ({ key: 'k', payload: Buffer.alloc(size) })),
  )
  const batches: number[] = []
  await log.subscribe('t', 'g', async (batch) => void batches.push(batch.length), { maxBatch: 100 })
  expect(batches).toEqual([2, 1, 1, 1])
})

test('a backlog of large records is read once', async () => {
  await reopen({ maxBatchBytes: 1_000_000, partitions: 1 })
  for (let round = 0; round < 5; round++)
    await log.publish(
      't',
      Array.from({ length: 20 }, () => ({ key: 'k', payload: Buffer.alloc(200_000) })),
    )
  const read = vi.spyOn(journal, 'read')
  let handled = 0
  await log.subscribe('t', 'g', async (batch) => void (handled += batch.length), { maxBatch: 100 })
  expect(handled).toBe(100)
  const pages = await Promise.all(read.mock.results.map(({ value }) => value as ReturnType<EmbeddedJournal['read']>))
  expect(pages.flat()).toHaveLength(100)
})

test('the lag of a handler that is stuck is seen, at the start and as more is published', async () => {
  const lags: number[] = []
  const gauge: Gauge = { set: (value) => void lags.push(value) }
  await reopen({ metrics: { ...noMetrics, gauge: () => gauge } })
  await log.publish('t', records(7))
  let release: (() => void) | undefined
  const subscribing = log.subscribe('t', 'g', () => new Promise((resolve) => (release = resolve)), { maxBatch: 100 })
  await until('it is stuck', () => release !== undefined)
  expect(lags.at(-1)).toBe(7)
  await log.publish('t', records(5, 'another key'))
  expect(lags.at(-1)).toBe(12)
  const closing = expect(subscribing).resolves.toBeDefined()
  release!()
  await closing
})

test('records that every group has handled are given up, the newest and the unhandled ones kept', async () => {
  await reopen({ partitions: 1, retainedRecords: 10, offsetDelayMs: 1 })
  const floor = async () => (await journal.heads(['topic/t/0']))[0]!.floor
  let slow = 0
  const slowGroup = await log.subscribe('t', 'slow', async (batch) => void (slow += batch.length), { maxBatch: 10 })
  await log.publish('t', records(30))
  await until('the slow group handled some', () => slow === 30)
  await slowGroup.close()
  await log.subscribe('t', 'fast', async () => undefined, { maxBatch: 10 })
  await log.publish('t', records(100))
  await until('what both handled is given up', async () => (await floor()) === 20)
  await log.forgetGroup('t', 'slow')
  await log.publish('t', records(1))
  await until('what the slow group left is given up', async () => (await floor()) >= 110)
  expect(await floor()).toBeLessThanOrEqual(121)
  const late: ReadRecord[] = []
  await log.subscribe('t', 'late', async (batch) => void late.push(...batch), { maxBatch: 100 })
  expect(late.map(({ offset }) => offset)).toEqual(
    Array.from({ length: late.length }, (_, index) => 132 - late.length + index),
  )
})

test('a topic that no group consumes, and dead letters in any case, keep their newest records only', async () => {
  await reopen({ partitions: 1, maxUnconsumedRecords: 50, retainedRecords: 10 })
  const floorOf = async (topic: string) => (await journal.heads([`topic/${topic}/0`]))[0]!.floor
  await (await log.subscribe('t.dead', 'gone', async () => undefined, { maxBatch: 10 })).close()
  await (await log.subscribe('slow', 'gone', async () => undefined, { maxBatch: 10 })).close()
  for (const topic of ['t', 't.dead', 'slow'])
    for (let round = 0; round < 20; round++) await log.publish(topic, records(20))
  await log.close()
  expect(await floorOf('t')).toBeGreaterThan(300)
  expect(await floorOf('t')).toBeLessThanOrEqual(350)
  expect(await floorOf('t.dead')).toBe(await floorOf('t'))
  expect(await floorOf('slow')).toBe(0)
  await reopen({ partitions: 1, maxUnconsumedRecords: 50 })
  const seen: number[] = []
  await log.subscribe('t.dead', 'gone', async (batch) => void seen.push(...batch.map(({ offset }) => offset)), {
    maxBatch: 100,
  })
  expect(seen).toEqual(Array.from({ length: seen.length }, (_, index) => 401 - seen.length + index))
})

test('closing the log ends every subscription, stores their offsets and refuses more', async () => {
  const seen: string[] = []
  const handler = async (batch: readonly ReadRecord[]) => void seen.push(...batch.map(textOf))
  await log.subscribe('t', 'g', handler, { maxBatch: 10 })
  await log.publish('t', records(3))
  await until('they are handled', () => seen.length === 3)
  await log.close()
  await expect(log.subscribe('t', 'h', handler, { maxBatch: 10 })).rejects.toThrow(ClosedError)
  await expect(log.publish('t', records(1))).rejects.toThrow(ClosedError)
  await reopen()
  await log.subscribe('t', 'g', handler, { maxBatch: 10 })
  await settle()
  expect(seen).toHaveLength(3)
})

test('offsets that cannot be stored are stored with the next ones', async () => {
  const clock = new VirtualClock()
  const errors: string[] = []
  await reopen({ clock, partitions: 1, logger: { ...silentLogger, error: (message) => void errors.push(message) } })
  let handled = 0
  await log.subscribe('t', 'g', async () => void handled++, { maxBatch: 1 })
  await log.publish('t', records(1))
  await until('it is handled', () => handled === 1)
  engine.prepare('PRAGMA query_only = ON').all()
  await clock.advance(50)
  await until('storing failed', () => errors.length === 1)
  engine.prepare('PRAGMA query_only = OFF').all()
  await log.publish('t', records(1))
  await until('the next is handled', () => handled === 2)
  await log.close()
  expect(engine.prepare('SELECT offset FROM log_offsets').all()).toEqual([{ offset: 2 }])
})

test('kill -9: nothing durable is lost to a group, and the order of each key holds', async () => {
  await log.close()
  await engine.close()
  const durable: string[] = []
  const handled: string[] = []
  const collect = (lines: readonly string[]): void => {
    for (const line of lines) {
      const [what, text] = line.split(' ')
      if (text !== undefined && what === 'durable') durable.push(text)
      if (text !== undefined && what === 'handled') handled.push(text)
    }
  }
  for (let crash = 0; crash < 2; crash++) {
    const child = startProgram(runTypeScript, here('./child/publish.ts'), `${folder.path}/data.db`)
    await until('it has worked for a while', () => child.lines.length > 200)
    await child.kill()
    collect(child.lines)
  }
  open()
  await log.subscribe('t', 'g', async (batch) => void handled.push(...batch.map(textOf)), { maxBatch: 100 })
  const firstSeen = [...new Set(handled)]
  expect(durable.filter((text) => !firstSeen.includes(text))).toEqual([])
  for (const key of ['a', 'b', 'c']) {
    const published = durable.filter((text) => text.startsWith(key))
    expect(firstSeen.filter((text) => published.includes(text))).toEqual(published)
  }
})
