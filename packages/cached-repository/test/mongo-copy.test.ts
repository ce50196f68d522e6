import { createHash } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createEmbeddedRepositories } from '@parlance/cached-repository/embedded'
import { copyEmbeddedRepositories, type CopyRepositoriesOptions } from '@parlance/cached-repository/mongo'
import { assertNotCopying, type CopyProgress, type Mongo } from '@parlance/engines/mongo'
import { SqliteEngine } from '@parlance/engines/sqlite'
import { createEmbeddedChangeLists } from '@parlance/notification-bus/embedded'
import { openMongoChangeLists } from '@parlance/notification-bus/mongo'
import type { StoredEntry } from '@parlance/seq-allocator'
import { createEmbeddedJournal } from '@parlance/seq-allocator/embedded'
import { openMongoJournal } from '@parlance/seq-allocator/mongo'
import { temporaryFolder, type TemporaryFolder } from '@parlance/testing'
import { post, posts, profiles } from './board.ts'
import { mongoURL, openDatabase } from './mongo-database.ts'

const entities = [posts, profiles]
const text = (value: string): Buffer => Buffer.from(value)

const digests = (entries: readonly StoredEntry[]) =>
  entries.map(({ seq, payload }) => [seq, createHash('sha256').update(payload).digest('hex')])

describe.skipIf(mongoURL === undefined)('a copy of embedded repositories into MongoDB', () => {
  let folder: TemporaryFolder
  let engine: SqliteEngine
  let mongo: Mongo
  let drop: () => Promise<void>

  const open = (): SqliteEngine => SqliteEngine.open({ path: `${folder.path}/data.db` })
  const copy = (change: Partial<CopyRepositoriesOptions> = {}) =>
    copyEmbeddedRepositories({ engine, mongo, entities, ...change })

  beforeEach(async () => {
    folder = temporaryFolder()
    engine = open()
    ;({ mongo, drop } = await openDatabase())
  })
  afterEach(async () => {
    await engine.close()
    await drop()
    folder.remove()
  })

  /** Rows, lists and streams with everything that can be in them; leaves the engine closed once and opened again. */
  async function populate(): Promise<void> {
    const { repositories } = createEmbeddedRepositories({ engine })
    const board = repositories.of(posts)
    const people = repositories.of(profiles)
    const each = (first: number, last: number, work: (postID: number) => Promise<unknown>): Promise<unknown> =>
      Promise.all(Array.from({ length: last - first + 1 }, (_, index) => work(first + index)))
    await each(1, 1200, (postID) =>
      board.put(post({ postID, title: `title ${postID}`, postedAt: new Date(postID), isPinned: postID % 2 === 0 })),
    )
    await each(1, 50, (postID) => board.patch({ spaceID: 's1', postID }, { label: 'hot' }))
    await each(51, 60, (postID) => board.delete({ spaceID: 's1', postID }))
    await people.put({ spaceID: 's1', authorID: 'a%1', bio: 'ü' })
    repositories.close()
    await reopen()
    const journal = createEmbeddedJournal({ engine })
    for (let seq = 1; seq <= 450; seq++)
      await journal.append('note:long', [{ payload: text(`long ${seq}`), repeatKey: `key ${seq}` }])
    await journal.truncate('note:long', 131)
    await journal.append('note:short', [{ payload: text('only') }])
    await journal.append(
      'note:gone',
      Array.from({ length: 5 }, (_, index) => ({ payload: text(`${index}`) })),
    )
    await journal.truncate('note:gone', 6)
    for (let seq = 1; seq <= 14; seq++)
      await journal.append('note:large', [{ payload: Buffer.alloc(1_000_000, seq), repeatKey: `large ${seq}` }])
    const mark = engine.prepare('INSERT INTO stream_last(view, stream, value, seq) VALUES (?, ?, ?, ?)')
    await engine.write(() => {
      mark.run('by', 'note:long', 'ada', 120)
      mark.run('by', 'note:long', 'grace', 449)
      mark.run('by', 'note:short', 'ada', 1)
    })
    await reopen()
  }

  async function reopen(): Promise<void> {
    await engine.close()
    engine = open()
  }

  async function whatIsInTheFile() {
    const journal = createEmbeddedJournal({ engine })
    const lists = createEmbeddedChangeLists({ engine })
    const named = engine.prepare<{ name: string }>('SELECT name FROM change_lists').all()
    names = [...named.map(({ name }) => name), 'untouched']
    const begin = await lists.positions(names)
    const answer = {
      positions: begin,
      deltas: await Promise.all(
        begin.map(({ epoch }, index) => lists.since(names[index]!, { epoch, version: 2 }, 10_000)),
      ),
      heads: await journal.heads(streams),
      entries: await Promise.all(streams.map((stream) => journal.read(stream, 1, 1000, 1000))),
    }
    await reopen()
    return answer
  }
  const streams = ['note:long', 'note:short', 'note:gone', 'note:large', 'note:never']
  let names: string[] = []

  async function whatIsInMongo() {
    const journal = await openMongoJournal({ mongo })
    const lists = await openMongoChangeLists({ mongo })
    const begin = await lists.positions(names)
    const answer = {
      positions: begin,
      deltas: await Promise.all(
        begin.map(({ epoch }, index) => lists.since(names[index]!, { epoch, version: 2 }, 10_000)),
      ),
      heads: await journal.heads(streams),
      entries: await Promise.all(streams.map((stream) => journal.read(stream, 1, 1000, 1000))),
    }
    await journal.close()
    await lists.close()
    return answer
  }

  it('holds the same rows, revisions, streams, marks and lists, and goes on from there', async () => {
    await populate()
    const before = await whatIsInTheFile()
    expect(names.length).toBeGreaterThan(2)
    expect(Math.max(...before.positions.map(({ version }) => version))).toBeGreaterThan(1200)
    const report = await copy()
    expect(report.wasDone).toBe(false)
    for (const { name, count, compared } of report.parts) expect([name, compared]).toEqual([name, count])
    const after = await whatIsInMongo()
    expect(after.positions).toEqual(before.positions)
    expect(after.deltas).toEqual(before.deltas)
    expect(after.heads).toEqual(before.heads)
    expect(after.entries.map(digests)).toEqual(before.entries.map(digests))
    expect(await mongo.on('entity_post', (on) => on.countDocuments({ label: 'hot' }))).toBe(50)
    expect(await mongo.on('entity_post', (on) => on.findOne({ postID: 7 }))).toMatchObject({
      _revision: 2,
      title: 'title 7',
      postedAt: new Date(7),
    })
    const journal = await openMongoJournal({ mongo })
    const tag = (value: string) => `by\0${value}`
    const marks = [
      { stream: 'note:long', tag: tag('ada') },
      { stream: 'note:long', tag: tag('grace') },
      { stream: 'note:short', tag: tag('ada') },
    ]
    expect(await journal.newest(marks)).toEqual([120, 449, 1])
    const again = [131, 200, 450].map((seq) => ({ payload: text('again'), repeatKey: `key ${seq}` }))
    expect(await journal.append('note:long', [...again, { payload: text('new') }])).toEqual([
      { seq: 131, repeated: true },
      { seq: 200, repeated: true },
      { seq: 450, repeated: true },
      { seq: 451, repeated: false },
    ])
    expect(await journal.append('note:large', [{ payload: text('x'), repeatKey: 'large 3' }])).toEqual([
      { seq: 3, repeated: true },
    ])
    expect(await journal.append('note:gone', [{ payload: text('next') }])).toEqual([{ seq: 6, repeated: false }])
    await journal.close()
  })

  it('interrupted after any page it goes on, and ends with the same', async () => {
    await populate()
    const before = await whatIsInTheFile()
    let interruptions = 0
    for (let page = 1; ; page += 3) {
      let seen = 0
      const onProgress = (): void => {
        if (++seen === page) throw new Error('interrupted')
      }
      const ended = await copy({ onProgress }).then(
        () => true,
        (error: unknown) => {
          expect((error as Error).message).toBe('interrupted')
          return false
        },
      )
      if (ended) break
      interruptions++
      await expect(assertNotCopying(mongo)).rejects.toMatchObject({ code: 'COPY_TARGET' })
      await reopen()
    }
    expect(interruptions).toBeGreaterThan(2)
    await assertNotCopying(mongo)
    expect((await whatIsInMongo()).deltas).toEqual(before.deltas)
    await reopen()
    expect((await copy()).wasDone).toBe(true)
  })

  it('refuses a database with other data, and data it does not know', async () => {
    await populate()
    await expect(copy({ entities: [posts] })).rejects.toMatchObject({
      code: 'COPY_SOURCE',
      message: expect.stringContaining('profile') as string,
    })
    await reopen()
    await mongo.on<{ _id: string }, unknown>('change_lists', (on) => on.insertOne({ _id: 'somebody' }))
    await expect(copy()).rejects.toMatchObject({ code: 'COPY_TARGET' })
    await mongo.on('change_lists', (on) => on.deleteMany({}))
    await reopen()
    await copy()
    const other = SqliteEngine.open({ path: `${folder.path}/other.db` })
    await expect(copy({ engine: other })).rejects.toMatchObject({ code: 'COPY_TARGET' })
    await other.close()
  })

  it('refuses while announcements wait to be handled', async () => {
    const { log, repositories } = createEmbeddedRepositories({ engine })
    const subscription = await log.subscribe('t', 'g', () => new Promise(() => undefined), { maxBatch: 1 })
    await log.publish('t', [{ key: 'k', payload: text('x') }])
    void subscription
    repositories.close()
    await reopen()
    await expect(copy()).rejects.toMatchObject({ code: 'COPY_SOURCE' })
  })

  it('finds what differs', async () => {
    await populate()
    let changed = false
    const spoil = async (): Promise<void> => {
      await mongo.on('entity_post', (on) => on.updateOne({ postID: 9 }, { $set: { title: 'spoiled' } }))
      await mongo.on('change_lists', (on) => on.updateOne({ _id: { $exists: true } as never }, { $inc: { count: 1 } }))
    }
    const spoiling: Promise<unknown>[] = []
    const onProgress = ({ part, step }: CopyProgress): void => {
      if (changed || step === 'copy' || part !== 'rows of post') return
      changed = true
      spoiling.push(spoil())
    }
    await expect(copy({ onProgress })).rejects.toMatchObject({ code: 'COPY_DIFFERENCE' })
    await Promise.all(spoiling)
    await reopen()
    await expect(copy()).rejects.toThrow(/post s1:9/)
  })
})
