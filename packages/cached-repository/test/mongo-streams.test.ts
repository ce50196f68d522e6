import { streamStoreContract, type StreamStoreUnderTest } from '@parlance/cached-repository/contract'
import {
  type MongoStreamStore,
  type MongoStreamStoreOptions,
  openMongoStreamStore,
} from '@parlance/cached-repository/mongo'
import { InvalidArgumentError } from '@parlance/core'
import type { Mongo } from '@parlance/engines/mongo'
import { SqliteEngine } from '@parlance/engines/sqlite'
import type { LogRecord } from '@parlance/notification-bus'
import { createEmbeddedEventLog } from '@parlance/notification-bus/embedded'
import { createEmbeddedJournal } from '@parlance/seq-allocator/embedded'
import { temporaryFolder, until } from '@parlance/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { mongoURL, openDatabase } from './mongo-database.ts'

describe.skipIf(mongoURL === undefined)('streams in MongoDB', () => {
  const opened = new WeakMap<StreamStoreUnderTest, () => Promise<void>>()
  streamStoreContract('MongoDB', {
    open: async () => {
      const { mongo, drop } = await openDatabase()
      const folder = temporaryFolder()
      const engine = SqliteEngine.open({ path: `${folder.path}/log.db` })
      const log = createEmbeddedEventLog({ engine, journal: createEmbeddedJournal({ engine }) })
      const streams = await openMongoStreamStore({ mongo, log })
      const parts = { streams, log, topic: 'contract.appended' }
      opened.set(parts, async () => {
        await streams.close()
        await log.close()
        await engine.close()
        folder.remove()
        await drop()
      })
      return parts
    },
    close: async (parts) => opened.get(parts)?.(),
  })
})

describe.skipIf(mongoURL === undefined)('announcements of streams in MongoDB', () => {
  let mongo: Mongo
  let drop: () => Promise<void>
  let stores: MongoStreamStore[]
  /** What the log took, and what it does with the next records. */
  let published: string[]
  let take: (records: readonly string[]) => void | Promise<void>

  const log = {
    async publish(topic: string, records: readonly LogRecord[]) {
      const texts = records.map(({ payload }) => `${topic} ${Buffer.from(payload).toString()}`)
      await take(texts)
      published.push(...texts)
    },
  }
  const join = async (options: Partial<MongoStreamStoreOptions> = {}): Promise<MongoStreamStore> => {
    const store = await openMongoStreamStore({ mongo, log, ...options })
    stores.push(store)
    return store
  }
  const append = async (store: MongoStreamStore, stream: string, ...texts: string[]): Promise<unknown[]> => {
    const results: unknown[] = []
    await store.append(() =>
      texts.map((text) => ({
        stream,
        entries: [{ payload: Buffer.from(text), repeatKey: text }],
        effects: ([appended]) => ({
          marks: [],
          announced: [{ topic: 'said', records: [{ key: stream, payload: Buffer.from(`${appended!.seq} ${text}`) }] }],
        }),
        committed: ([appended]) => results.push(appended!.seq),
        failed: (error) => results.push(error),
      })),
    )
    return results
  }
  const unsettled = () => mongo.run((database) => database.collection('journal').countDocuments({ noted: 1 }))

  beforeEach(async () => {
    stores = []
    published = []
    take = () => undefined
    ;({ mongo, drop } = await openDatabase())
  })
  afterEach(async () => {
    for (const store of stores) await store.close()
    await drop()
  })

  it('are published once each, in order, and then forgotten', async () => {
    const store = await join()
    for (const text of ['a', 'b', 'c']) await append(store, 's', text)
    await append(store, 's', 'd', 'e')
    await until('all is announced', () => published.length === 5)
    expect(published).toEqual(['said 1 a', 'said 2 b', 'said 3 c', 'said 4 d', 'said 5 e'])
    await until('nothing is left to announce', async () => (await unsettled()) === 0)
  })

  it('wait while the log is away, without holding up what is stored, up to a bound', async () => {
    const store = await join({ maxUnannounced: 3 })
    let isAway = true
    take = () => {
      if (isAway) throw new Error('the log is away')
    }
    for (const text of ['a', 'b', 'c']) expect(await append(store, 's', text)).toHaveLength(1)
    await expect(append(store, 's', 'd')).rejects.toMatchObject({ code: 'CORE_OVERLOADED' })
    expect(await store.heads(['s'])).toEqual([{ head: 3, floor: 0 }])
    isAway = false
    await until('all is announced', () => published.length === 3)
    expect(published).toEqual(['said 1 a', 'said 2 b', 'said 3 c'])
    expect(await append(store, 's', 'd')).toEqual([4])
  })

  it('that a process left behind are published by the next one that appends, before its own', async () => {
    const left = await join()
    take = () => {
      throw new Error('the log is away from this process')
    }
    await append(left, 's', 'a', 'b')
    await left.close()
    expect(published).toEqual([])
    take = () => undefined
    const other = await join()
    await append(other, 's', 'c')
    await until('all is announced', () => published.length === 3)
    expect(published).toEqual(['said 1 a', 'said 2 b', 'said 3 c'])
  })

  it('that a process left behind are published once by whoever looks for them, a repeated append included', async () => {
    const left = await join()
    take = () => {
      throw new Error('the log is away from this process')
    }
    await append(left, 's', 'a')
    await append(left, 't', 'b')
    await append(left, 'u', 'c')
    await left.close()
    take = () => undefined
    const others = [await join(), await join()]
    await append(others[0]!, 'u', 'c')
    await until('what was appended again is announced', () => published.includes('said 1 c'))
    expect(published).toEqual(['said 1 c'])
    await until('that is settled', async () => (await unsettled()) === 2)
    const found = await Promise.all(others.map((store) => store.recover(0)))
    expect(found[0]! + found[1]!).toBe(2)
    await until('all is announced', () => published.length === 3)
    await until('nothing is left to announce', async () => (await unsettled()) === 0)
    expect(published.toSorted()).toEqual(['said 1 a', 'said 1 b', 'said 1 c'])
    expect(await others[0]!.recover(0)).toBe(0)
  })

  it('are found without being asked for', async () => {
    const left = await join()
    take = () => {
      throw new Error('the log is away from this process')
    }
    await append(left, 's', 'a')
    await left.close()
    take = () => undefined
    await join({ recoverEveryMs: 20, leftAfterMs: 0 })
    await until('it is announced', () => published.length === 1)
  })

  it('that the log refuses for good are given up, and hold up nothing', async () => {
    const store = await join()
    let release: (() => void) | undefined
    take = () => new Promise((resolve) => (release = resolve))
    await append(store, 's', 'first')
    await until('the first is on its way', () => release !== undefined)
    await append(store, 's', 'bad', 'good')
    take = (records) => {
      if (records.some((text) => text.endsWith('bad'))) throw new InvalidArgumentError('never')
    }
    release!()
    await until('the others are announced', () => published.length === 2)
    expect(published).toEqual(['said 1 first', 'said 3 good'])
    await until('nothing is left to announce', async () => (await unsettled()) === 0)
  })

  it('what is announced of many streams together is one publish, and one command to forget it', async () => {
    const store = await join()
    let publishes = 0
    take = () => void publishes++
    const names: string[] = []
    const stop = mongo.onCommand(({ name }) => names.push(name))
    const streams = Array.from({ length: 100 }, (_, index) => `s${index}`)
    await Promise.all(streams.map((stream) => append(store, stream, 'x')))
    expect(names.splice(0)).toEqual(['find', 'update'])
    await until('all is announced', () => published.length === 100)
    expect(publishes).toBe(1)
    await until('it is forgotten', () => names.length > 0)
    stop()
    expect(names).toEqual(['update'])
  })
})
