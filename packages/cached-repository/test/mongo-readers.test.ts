import type { StreamRepositoryOf } from '@parlance/cached-repository'
import { type MongoStreamStore, openMongoStreamStore } from '@parlance/cached-repository/mongo'
import type { Mongo } from '@parlance/engines/mongo'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { line, lines, texts } from './lines.ts'
import { mongoURL, openDatabase } from './mongo-database.ts'
import { type House, openHouse } from './open-house.ts'

interface Process {
  readonly house: House
  readonly store: MongoStreamStore
  readonly lines: StreamRepositoryOf<typeof lines>
}

describe.skipIf(mongoURL === undefined)('several processes that read and append to the same streams', () => {
  let mongo: Mongo
  let drop: () => Promise<void>
  let processes: Process[]
  const start = async (tailMaxBytes = 1_000_000): Promise<Process> => {
    const store = await openMongoStreamStore({ mongo, log: { publish: async () => undefined } })
    const house = openHouse(() => ({ streams: store, local: { tailMaxBytes, maxBytes: 300_000 } }))
    const process = { house, store, lines: house.repositories.ofStream(lines) }
    processes.push(process)
    return process
  }
  const finds = async (work: () => Promise<unknown>): Promise<number> => {
    let count = 0
    const stop = mongo.onCommand(({ name }) => (count += name === 'find' ? 1 : 0))
    await work()
    stop()
    return count
  }

  beforeEach(async () => {
    processes = []
    ;({ mongo, drop } = await openDatabase())
  })
  afterEach(async () => {
    for (const { house, store } of processes) {
      await store.close()
      await house.log.close()
      await house.close()
      house.folder.remove()
    }
    await drop()
  })

  it('what one appended the other reads with its head in one round trip, and again with the head alone', async () => {
    const [writer, reader] = [await start(), await start()]
    await writer.lines.append('s', [line('1'), line('2')])
    expect(await finds(() => reader.lines.range('s', 1, 2))).toBe(2)
    expect(await finds(() => reader.lines.range('s', 1, 2))).toBe(1)
    await writer.lines.append('s', [line('3')])
    expect(await finds(async () => expect(texts(await reader.lines.range('s', 3, 3))).toEqual(['3']))).toBe(2)
    expect(await finds(async () => expect(texts(await reader.lines.range('s', 1, 9))).toEqual(['1', '2', '3']))).toBe(1)
    expect(await finds(() => writer.lines.range('s', 1, 3))).toBe(1)
  })

  it('asks for the heads of everything read in one turn at once', async () => {
    const [writer, reader] = [await start(), await start()]
    const names = Array.from({ length: 50 }, (_, index) => `s${index}`)
    await Promise.all(names.map((name) => writer.lines.append(name, [line(name)])))
    const all = () => Promise.all(names.map((name) => reader.lines.range(name, 1, 1)))
    expect(await finds(all)).toBe(51)
    expect(await finds(all)).toBe(1)
    expect(await finds(() => reader.lines.heads(names))).toBe(1)
  })

  it('never takes what it remembers for the end: it is what the model says, whoever does what', async () => {
    const action = fc.record({
      who: fc.nat(1),
      kind: fc.constantFrom('append', 'append', 'range', 'range', 'at', 'last', 'truncate'),
      count: fc.integer({ min: 1, max: 140 }),
      first: fc.integer({ min: -3, max: 500 }),
      seqs: fc.array(fc.integer({ min: -1, max: 500 }), { maxLength: 6 }),
    })
    let run = 0
    const both = [await start(), await start(5_000)]
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 5, maxLength: 30 }), async (actions) => {
        const name = `s${run++}`
        const stored: string[] = []
        let floor = 0
        for (const { who, kind, count, first, seqs } of actions) {
          const { lines: repository } = both[who]!
          const at = (seq: number) => (seq > floor ? stored[seq - 1] : undefined)
          if (kind === 'append') {
            const added = Array.from({ length: count }, (_, index) => `${name} ${stored.length + index + 1}`)
            const appended = await repository.append(
              name,
              added.map((text) => line(text, `author ${who}`)),
            )
            expect(appended.map(({ seq }) => seq)).toEqual(added.map((_, index) => stored.length + index + 1))
            stored.push(...added)
          } else if (kind === 'range') {
            const from = Math.max(first, floor + 1)
            const expected = stored.slice(from - 1, Math.max(0, first + count - 1))
            expect(texts(await repository.range(name, first, first + count - 1))).toEqual(expected)
          } else if (kind === 'at') {
            expect(texts(await repository.at(name, seqs))).toEqual(seqs.map(at))
          } else if (kind === 'truncate') {
            await repository.truncate(name, Math.min(first, 120))
            floor = Math.max(floor, Math.min(first, 120, stored.length + 1) - 1)
          }
          expect(await both[1 - who]!.lines.heads([name])).toEqual([{ head: stored.length, floor }])
        }
      }),
      { numRuns: 25 },
    )
  })
})
