import { deepEqual, equal, ok } from 'node:assert/strict'
import { defineContract, until } from '@parlance/testing'
import type { EventLog, LogRecord, ReadRecord } from '../event-log.ts'

const record = (key: string, text: string): LogRecord => ({ key, payload: Buffer.from(text) })
const textOf = ({ payload }: ReadRecord): string => Buffer.from(payload).toString()
const numbered = (count: number, key = 'k'): LogRecord[] =>
  Array.from({ length: count }, (_, index) => record(key, String(index)))
const texts = (count: number): string[] => Array.from({ length: count }, (_, index) => String(index))

/** What every driver of {@link EventLog} must do; open it with waits between tries of a few milliseconds. */
export const eventLogContract = defineContract<EventLog>()('EventLog', {
  'a group gets what was published before it first came, and subscribe resolves after that': async (log) => {
    await log.publish('t', numbered(5))
    const seen: string[] = []
    await log.subscribe('t', 'g', async (records) => void seen.push(...records.map(textOf)), { maxBatch: 2 })
    deepEqual(seen, texts(5))
  },
  'a group gets what is published later, with key and bytes unchanged': async (log) => {
    const seen: ReadRecord[] = []
    await log.subscribe('t', 'g', async (records) => void seen.push(...records), { maxBatch: 10 })
    await log.publish('t', [{ key: 'ключ', payload: Uint8Array.of(0, 255, 10) }])
    await until('the record arrives', () => seen.length === 1)
    equal(seen[0]!.key, 'ключ')
    deepEqual([...seen[0]!.payload], [0, 255, 10])
  },
  'records of one key arrive in order, and offsets ascend from 1 in each partition': async (log) => {
    const seen: ReadRecord[] = []
    await Promise.all(
      ['a', 'b', 'c', 'd', 'e', 'f'].map(async (key) => {
        for (const one of numbered(10, key)) await log.publish('t', [one])
      }),
    )
    await log.subscribe('t', 'g', async (records) => void seen.push(...records), { maxBatch: 7 })
    equal(seen.length, 60)
    for (const key of ['a', 'b', 'c', 'd', 'e', 'f'])
      deepEqual(seen.filter((one) => one.key === key).map(textOf), texts(10))
    for (const partition of new Set(seen.map((one) => one.partition))) {
      const offsets = seen.filter((one) => one.partition === partition).map(({ offset }) => offset)
      ok(offsets[0]! >= 1)
      for (const [index, offset] of offsets.entries()) ok(index === 0 || offset > offsets[index - 1]!)
    }
  },
  'a batch is never larger than asked, and belongs to one partition': async (log) => {
    await log.publish(
      't',
      ['a', 'b', 'c', 'd', 'e'].flatMap((key) => numbered(9, key)),
    )
    const batches: (readonly ReadRecord[])[] = []
    await log.subscribe('t', 'g', async (records) => void batches.push(records), { maxBatch: 4 })
    ok(batches.length >= 12)
    for (const batch of batches) {
      ok(batch.length <= 4)
      equal(new Set(batch.map(({ partition }) => partition)).size, 1)
    }
  },
  'a batch whose handler rejects comes again, before anything behind it': async (log) => {
    await log.publish('t', numbered(6))
    const tries: string[][] = []
    await log.subscribe(
      't',
      'g',
      async (records) => {
        tries.push(records.map(textOf))
        if (tries.length <= 3) throw new Error('not yet')
      },
      { maxBatch: 2 },
    )
    deepEqual(tries.slice(0, 4), [
      ['0', '1'],
      ['0', '1'],
      ['0', '1'],
      ['0', '1'],
    ])
    deepEqual(tries.slice(4), [
      ['2', '3'],
      ['4', '5'],
    ])
  },
  'one batch at a time in a partition': async (log) => {
    await log.publish('t', numbered(20))
    let running = 0
    let most = 0
    await log.subscribe(
      't',
      'g',
      async () => {
        most = Math.max(most, ++running)
        await new Promise((resolve) => void setImmediate(resolve))
        running--
      },
      { maxBatch: 1 },
    )
    equal(most, 1)
  },
  'a group goes on where it stopped': async (log) => {
    await log.publish('t', numbered(3))
    const seen: string[] = []
    const handler = async (records: readonly ReadRecord[]) => void seen.push(...records.map(textOf))
    await (await log.subscribe('t', 'g', handler, { maxBatch: 10 })).close()
    await log.publish('t', [record('k', '3')])
    await (await log.subscribe('t', 'g', handler, { maxBatch: 10 })).close()
    deepEqual(seen, texts(4))
  },
  'every group gets everything, and one that fails holds up no other': async (log) => {
    const seen: string[] = []
    await log.subscribe('t', 'stuck', async () => Promise.reject(new Error('never')), { maxBatch: 10 })
    await log.publish('t', numbered(4))
    await log.subscribe('t', 'fine', async (records) => void seen.push(...records.map(textOf)), { maxBatch: 10 })
    deepEqual(seen, texts(4))
  },
  'closing waits for the batch being handled, and nothing is handled after it': async (log) => {
    let release: (() => void) | undefined
    let finished = 0
    const subscription = await log.subscribe(
      't',
      'g',
      async () => {
        await new Promise<void>((resolve) => (release = resolve))
        finished++
      },
      { maxBatch: 1 },
    )
    await log.publish('t', numbered(2))
    await until('the first batch is being handled', () => release !== undefined)
    let closed = false
    const closing = subscription.close().then(() => (closed = true))
    await new Promise((resolve) => void setImmediate(resolve))
    equal(closed, false)
    release!()
    await closing
    equal(finished, 1)
    const rest: string[] = []
    await log.subscribe('t', 'g', async (records) => void rest.push(...records.map(textOf)), { maxBatch: 10 })
    deepEqual(rest, ['1'])
  },
  'a signal ends a subscription that is still catching up': async (log) => {
    await log.publish('t', numbered(1))
    const stop = new AbortController()
    let tries = 0
    const subscribing = log.subscribe('t', 'g', async () => Promise.reject(new Error(`no ${++tries}`)), {
      maxBatch: 1,
      signal: stop.signal,
    })
    const outcome = subscribing.then(
      () => 'resolved',
      (error: { code?: string }) => error.code,
    )
    await until('it has been tried', () => tries > 0)
    stop.abort()
    equal(await outcome, 'CORE_CLOSED')
  },
  'topics do not mix': async (log) => {
    const seen: string[] = []
    await log.publish('t', [record('k', 'mine')])
    await log.publish('t.other', [record('k', 'other')])
    await log.subscribe('t', 'g', async (records) => void seen.push(...records.map(textOf)), { maxBatch: 10 })
    deepEqual(seen, ['mine'])
  },
})
