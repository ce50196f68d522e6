import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { type Mongo, openMongo } from '@parlance/engines/mongo'
import type { Change, Position } from '@parlance/notification-bus'
import { changeListsContract } from '@parlance/notification-bus/contract'
import {
  type MongoChangeLists,
  type MongoChangeListsOptions,
  openMongoChangeLists,
} from '@parlance/notification-bus/mongo'
import { serviceURL, VirtualClock } from '@parlance/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { liveThrough, step } from './list-history.ts'

const url = serviceURL('mongo')
const database = (): string => `lists_${randomBytes(6).toString('hex')}`
const put = (element: string, list = 'a'): Change => ({ list, element, kind: 'put' })
const remove = (element: string, list = 'a'): Change => ({ list, element, kind: 'remove' })

describe.skipIf(url === undefined)('change lists in MongoDB', () => {
  const opened = new Map<MongoChangeLists, Mongo>()

  async function open(options: Partial<MongoChangeListsOptions> = {}): Promise<MongoChangeLists> {
    const mongo = options.mongo ?? (await openMongo({ url: url!, database: database() }))
    const lists = await openMongoChangeLists({ mongo, ...options })
    if (options.mongo === undefined) opened.set(lists, mongo)
    return lists
  }
  async function close(lists: MongoChangeLists): Promise<void> {
    await lists.close()
    await opened.get(lists)!.run((db) => db.dropDatabase())
    await opened.get(lists)!.close()
    opened.delete(lists)
  }
  afterEach(() => Promise.all([...opened.keys()].map(close)))

  changeListsContract('MongoDB', { open: () => open(), close: (lists) => close(lists as MongoChangeLists) })
  changeListsContract('MongoDB, folded after every append', {
    open: () => open({ foldEvery: 1 }),
    close: (lists) => close(lists as MongoChangeLists),
  })
  changeListsContract('MongoDB, never folded', {
    open: () => open({ chance: () => 1, foldEvery: 1_000_000 }),
    close: (lists) => close(lists as MongoChangeLists),
  })

  const positionOf = async (lists: MongoChangeLists, list = 'a'): Promise<Position> =>
    (await lists.positions([list]))[0]!
  const never = { chance: () => 1 }
  const always = { chance: () => 0 }

  async function commandsOf(lists: MongoChangeLists, work: () => Promise<unknown>): Promise<string[]> {
    const commands: string[] = []
    const stop = opened.get(lists)!.onCommand(({ name, collection }) => commands.push(`${name} ${collection}`))
    await work()
    stop()
    return commands
  }

  describe('round trips', () => {
    it('appends of one moment are one write, whatever their lists', async () => {
      const lists = await open(never)
      const many = Array.from({ length: 50 }, (_, index) => put('x', `list ${index}`))
      expect(await commandsOf(lists, () => lists.append([put('x')]))).toEqual(['update change_lists'])
      expect(await commandsOf(lists, () => lists.append(many, { operation: 'o' }))).toEqual(['update change_lists'])
      const calls = () => Promise.all(Array.from({ length: 40 }, (_, index) => lists.append([put(`e${index}`)])))
      expect(await commandsOf(lists, calls)).toEqual(['update change_lists'])
      expect(await commandsOf(lists, () => lists.append([]))).toEqual([])
    })

    it('a repeated operation costs one look more', async () => {
      const lists = await open(never)
      const append = () => lists.append([put('x'), put('y', 'b')], { operation: 'o' })
      await append()
      expect(await commandsOf(lists, append)).toEqual(['update change_lists', 'find change_lists'])
    })

    it('a fold takes four round trips', async () => {
      const lists = await open(never)
      await lists.append(Array.from({ length: 100 }, (_, index) => put(`e${index}`)))
      expect(await commandsOf(lists, () => lists.compact('a', 1000))).toEqual([
        'find change_lists',
        'find change_elements',
        'update change_elements',
        'findAndModify change_lists',
        'find change_lists',
      ])
    })

    it('readers: one when nothing changed or for full, two after a few changes, three commands at most', async () => {
      const lists = await open(never)
      const begin = await positionOf(lists)
      await lists.append([put('x'), put('y')])
      const names = Array.from({ length: 500 }, (_, index) => `list ${index}`)
      expect(await commandsOf(lists, () => lists.positions(names))).toEqual(['find change_lists'])
      expect(await commandsOf(lists, () => lists.since('a', undefined))).toEqual(['find change_lists'])
      const now = await positionOf(lists)
      expect(await commandsOf(lists, () => lists.since('a', now))).toEqual(['find change_lists'])
      const few = ['find change_lists', 'find change_elements']
      expect(await commandsOf(lists, () => lists.since('a', begin))).toEqual(few)
      await lists.compact('a', 1000)
      await lists.append([put('z')])
      expect(await commandsOf(lists, () => lists.since('a', now))).toEqual(few)
      expect(await commandsOf(lists, () => lists.since('a', begin))).toEqual([...few, 'find change_elements'])
    })
  })

  it('epochs and versions are those of the database: the same for every process, others for another database', async () => {
    const lists = await open()
    const others = await Promise.all(Array.from({ length: 5 }, () => open({ mongo: opened.get(lists)! })))
    await lists.append([put('x')])
    const positions = await lists.positions(['a', 'untouched'])
    for (const other of others) expect(await other.positions(['a', 'untouched'])).toEqual(positions)
    expect((await positionOf(await open())).epoch).not.toBe(positions[0]!.epoch)
  })

  it('processes that make a database at once agree on its epochs', async () => {
    const shared = await openMongo({ url: url!, database: database() })
    const lists = await Promise.all(Array.from({ length: 8 }, () => open({ mongo: shared })))
    const epochs = await Promise.all(lists.map(async (one) => (await positionOf(one)).epoch))
    expect(new Set(epochs).size).toBe(1)
    await shared.run((db) => db.dropDatabase())
    await shared.close()
  })

  it('an element that comes, and is folded, between the two reads of a delta is told once', async () => {
    const lists = await open(never)
    const mongo = opened.get(lists)!
    let meanwhile = async (): Promise<void> => undefined
    const slow = new Proxy(mongo, {
      get: (_, name: keyof Mongo) =>
        name === 'on'
          ? async (...given: Parameters<Mongo['on']>) => {
              if (given[0] === 'change_elements') await meanwhile()
              return mongo.on(...given)
            }
          : (mongo[name] as () => unknown).bind(mongo),
    })
    const reader = await open({ ...never, mongo: slow })
    const begin = await positionOf(lists)
    await lists.append([put('x')])
    await lists.compact('a', 1000)
    meanwhile = async () => {
      meanwhile = async () => undefined
      await lists.append([put('late')])
      await lists.compact('a', 1000)
    }
    const first = await reader.since('a', begin)
    expect(first).toMatchObject({ inserted: ['x'], position: { version: 2 }, more: false })
    expect(await reader.since('a', first.position)).toMatchObject({ inserted: ['late'], position: { version: 3 } })
  })

  it('ten changes of a large list: as many documents are read, and no more', async () => {
    const lists = await open(never)
    await lists.append(Array.from({ length: 3000 }, (_, index) => put(`e${index}`)))
    await lists.compact('a', 1_000_000)
    const position = await positionOf(lists)
    await lists.append([...Array.from({ length: 8 }, (_, index) => put(`e${index * 100}`)), put('new'), remove('e1')])
    const counted = await documentsRead(lists, () => lists.since('a', position))
    expect(counted.answer).toMatchObject({ inserted: ['new'], removed: ['e1'], more: false })
    expect(counted.answer).toHaveProperty('updated.length', 8)
    expect(counted.documents).toBeLessThanOrEqual(11)
    await lists.compact('a', 1_000_000)
    const folded = await documentsRead(lists, () => lists.since('a', position))
    expect(folded.answer).toEqual(counted.answer)
    expect(folded.documents).toBeLessThanOrEqual(11)
  })

  /** How many documents a read brought over the wire. */
  async function documentsRead(lists: MongoChangeLists, work: () => Promise<unknown>) {
    let documents = 0
    const stop = opened.get(lists)!.onReply((reply) => (documents += reply.documents))
    const answer = await work()
    stop()
    return { answer, documents }
  }

  it('a tail that nobody folds does not grow without bound: appends fold it', async () => {
    const lists = await open(never)
    for (let index = 0; index < 300; index++) await lists.append([put(`e${index % 9}`)])
    const tail = await opened.get(lists)!.on('change_lists', (on) => on.findOne({}))
    expect((tail!['tail'] as unknown[]).length).toBeLessThanOrEqual(128)
    expect((await positionOf(lists)).version).toBe(301)
  })

  it('a reader who finds a long tail has it folded', async () => {
    const lists = await open({ ...never, foldEvery: 4 })
    await lists.append(Array.from({ length: 20 }, (_, index) => put(`e${index}`)))
    await lists.since('a', await positionOf(lists))
    await lists.idle()
    expect(await opened.get(lists)!.on('change_lists', (on) => on.findOne({}))).toMatchObject({ tail: [], folded: 20 })
  })

  it('refuses what cannot wait in memory, and everything once closed', async () => {
    const lists = await open({ maxWaiting: 10 })
    const first = lists.append(Array.from({ length: 20 }, () => put('x')))
    await expect(lists.append([put('y')])).rejects.toMatchObject({ code: 'CORE_OVERLOADED', retryable: true })
    const closing = lists.close()
    await expect(lists.append([put('y')])).rejects.toMatchObject({ code: 'CORE_CLOSED' })
    await Promise.all([first, closing])
    expect((await positionOf(lists)).version).toBe(21)
  })

  describe('old removals', () => {
    it('are forgotten in two steps: readers are told first, the space is freed when nobody can be at work', async () => {
      const clock = new VirtualClock()
      const lists = await open({ ...always, clock, keptVersions: 10, graceMs: 1000 })
      const elements = (): Promise<number> => opened.get(lists)!.on('change_elements', (on) => on.countDocuments())
      await lists.append([put('stays'), put('x')])
      const old = await positionOf(lists)
      await lists.append([remove('x')])
      for (let index = 0; index < 20; index++) await lists.append([put('stays')])
      await lists.idle()
      expect(await lists.since('a', old)).toMatchObject({ kind: 'full' })
      expect(await elements()).toBe(2)
      await clock.advance(1000)
      await lists.append([put('stays')])
      await lists.idle()
      expect(await elements()).toBe(1)
      await lists.append([put('x')])
      const { epoch, version } = await positionOf(lists)
      expect(await lists.since('a', { epoch, version: version - 1 })).toMatchObject({ inserted: ['x'] })
    })

    it('a list from which nothing is removed gives deltas from its beginning', async () => {
      const lists = await open({ ...always, keptVersions: 10, graceMs: 0 })
      const begin = await positionOf(lists)
      for (let index = 0; index < 40; index++) await lists.append([put(`e${index % 7}`)])
      await lists.idle()
      expect(await lists.since('a', begin)).toMatchObject({ kind: 'delta' })
    })

    it('go at once for those who ask, and readers behind get full', async () => {
      const lists = await open({ ...never, graceMs: 0 })
      await lists.append([put('x'), put('y'), put('z')])
      const old = await positionOf(lists)
      await lists.append([remove('x'), remove('y')])
      const recent = await positionOf(lists)
      await lists.append([remove('z')])
      await lists.compact('a', 1)
      expect(await lists.since('a', old)).toEqual({ kind: 'full', position: await positionOf(lists) })
      expect(await lists.since('a', recent)).toMatchObject({ kind: 'delta', removed: ['z'] })
      await lists.compact('a', 1000)
      expect(await opened.get(lists)!.on('change_elements', (on) => on.countDocuments())).toBe(1)
      expect(await lists.since('a', old)).toMatchObject({ kind: 'full' })
    })
  })

  describe('histories', () => {
    let mongo: Mongo
    beforeAll(async () => void (mongo = await openMongo({ url: url!, database: database() })))
    afterAll(async () => {
      await mongo.run((db) => db.dropDatabase())
      await mongo.close()
    })

    const property = (graceMs: number, numRuns: number): Promise<void> => {
      let run = 0
      const prefix = randomBytes(4).toString('hex')
      return fc.assert(
        fc.asyncProperty(
          fc.array(step, { maxLength: 60 }),
          fc.integer({ min: 0, max: 20 }),
          fc.constantFrom(1, 3, 1000),
          async (history, keptVersions, foldEvery) => {
            const start = (): Promise<MongoChangeLists> => open({ mongo, keptVersions, foldEvery, graceMs })
            const driver = {
              lists: await start(),
              async restart() {
                await driver.lists.idle()
                driver.lists = await start()
              },
            }
            // Forgetting at once is only right when nobody reads meanwhile.
            const lists =
              graceMs > 0
                ? driver
                : {
                    restart: () => driver.restart(),
                    get lists() {
                      return calm(driver.lists)
                    },
                  }
            await liveThrough(history, lists, `${prefix} ${run++}`)
            await driver.lists.idle()
          },
        ),
        { numRuns },
      )
    }

    it('whoever applies deltas while the list is folded ends with the list as it is', () => property(600_000, 60))
    it('and while removals are forgotten', () => property(0, 60))
  })
})

/** Waits for what goes on behind the callers' backs before each read. */
const calm = (lists: MongoChangeLists): MongoChangeLists => ({
  append: (changes, options) => lists.append(changes, options),
  positions: (names) => lists.positions(names),
  compact: (list, keep) => lists.idle().then(() => lists.compact(list, keep)),
  since: (list, position, limit) => lists.idle().then(() => lists.since(list, position, limit)),
  idle: () => lists.idle(),
  close: () => lists.close(),
})
