import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { type Mongo, openMongo } from '@parlance/engines/mongo'
import type { Position } from '@parlance/notification-bus'
import { type MongoChangeLists, openMongoChangeLists } from '@parlance/notification-bus/mongo'
import { type Program, serviceURL, startProgram, until } from '@parlance/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const url = serviceURL('mongo')
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
const runTypeScript = here('../../../test/run-typescript.mjs')

describe.skipIf(url === undefined)('change lists in MongoDB, when processes die', () => {
  let mongo: Mongo
  let lists: MongoChangeLists
  beforeEach(async () => {
    mongo = await openMongo({ url: url!, database: `lists_${randomBytes(6).toString('hex')}` })
    lists = await openMongoChangeLists({ mongo, foldEvery: 4 })
  })
  afterEach(async () => {
    await lists.close()
    await mongo.run((db) => db.dropDatabase())
    await mongo.close()
  })

  const begunIn = (child: Program): number =>
    Number(child.lines.findLast((line) => line.startsWith('begun'))?.split(' ')[1])
  const start = (...given: (string | number)[]): Program =>
    startProgram(runTypeScript, here('./child/append.ts'), url!, mongo.database, ...given.map(String))

  /** Everything a reader is told from a position on, in pages. */
  async function insertedSince(from: Position, list = 'own'): Promise<{ seen: string[]; position: Position }> {
    const seen: string[] = []
    for (let position = from; ;) {
      const delta = await lists.since(list, position, 7)
      if (delta.kind === 'full') throw new Error('the reader lost its place')
      seen.push(...delta.inserted)
      position = delta.position
      if (!delta.more) return { seen, position }
    }
  }

  it('two that append at once and are killed again and again append each operation once', async () => {
    let [position] = await lists.positions(['own'])
    const seen: string[] = []
    const read = async (): Promise<void> => {
      const page = await insertedSince(position!)
      seen.push(...page.seen)
      position = page.position
    }
    const rounds = [1, 1]
    for (let crash = 0; crash < 3; crash++) {
      // What had begun is repeated: nobody knows whether it was taken.
      const children = rounds.map((round, name) => start(name, round))
      await until('both have worked for a while', async () => {
        await read()
        return children.every((child) => child.lines.length > 60)
      })
      await Promise.all(children.map((child) => child.kill()))
      children.forEach((child, name) => (rounds[name] = begunIn(child)))
    }
    for (const [name, round] of rounds.entries())
      await lists.append([{ list: 'own', element: `${name} ${round}`, kind: 'put' }], { operation: `${name} ${round}` })
    await read()
    const expected = rounds.flatMap((last, name) => Array.from({ length: last }, (_, index) => `${name} ${index + 1}`))
    expect(seen.toSorted()).toEqual(expected.toSorted())
    expect((await lists.positions(['own']))[0]!.version).toBe(1 + expected.length)
    for (const name of [0, 1]) {
      const own = seen.filter((element) => element.startsWith(`${name} `))
      expect(own).toEqual(Array.from({ length: rounds[name]! }, (_, index) => `${name} ${index + 1}`))
    }
  })

  it.each([1, 2, 3, 4, 5, 6, 7, 8, 9])(
    'one that dies before its command %i leaves lists that others finish',
    async (last) => {
      const [begin, shared] = await lists.positions(['own', 'shared'])
      const child = start(0, 1, last)
      await child.ended
      const round = begunIn(child)
      const element = `e${round % 7}`
      await lists.append(
        [
          { list: 'own', element: `0 ${round}`, kind: 'put' },
          { list: 'shared', element, kind: round % 3 === 0 ? 'remove' : 'put' },
        ],
        { operation: `0 ${round}` },
      )
      const expected = Array.from({ length: round }, (_, index) => `0 ${index + 1}`)
      const sharedBefore = await lists.since('shared', shared)
      expect((await insertedSince(begin!)).seen).toEqual(expected)
      await Promise.all([lists.compact('own', 1000), lists.compact('shared', 1000)])
      expect((await insertedSince(begin!)).seen).toEqual(expected)
      expect(await lists.since('shared', shared)).toEqual(sharedBefore)
      expect((await lists.positions(['own', 'shared'])).map(({ version }) => version)).toEqual([1 + round, 1 + round])
      const heads = await mongo.on('change_lists', (on) => on.find({}).toArray())
      expect(heads.map(({ tail, folded }) => [tail, folded])).toEqual([
        [[], round],
        [[], round],
      ])
    },
  )
})
