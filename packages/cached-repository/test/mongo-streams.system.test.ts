import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { openMongoStreamStore } from '@parlance/cached-repository/mongo'
import { openMongo } from '@parlance/engines/mongo'
import { type Program, startProgram, type TemporaryFolder, temporaryFolder, until } from '@parlance/testing'
import { canStart, startMongoDouble, type TestServer } from '@parlance/testing/services'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fileLog } from './child/append-streams.ts'

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url))
const streams = ['a', 'b', 'c']

describe.skipIf(!canStart('mongo'))('processes that append to the same streams of one MongoDB', () => {
  let server: TestServer
  let folder: TemporaryFolder
  let running: Program[]
  /** Everything that any process ever said was durable. */
  let acknowledged: string[]

  const logPath = () => `${folder.path}/announced`
  const start = () => {
    const program = startProgram(
      here('../../../test/run-typescript.mjs'),
      here('./child/append-streams.ts'),
      server.url,
      'streams',
      logPath(),
    )
    running.push(program)
    return program
  }
  const kill = async (program: Program) => {
    running = running.filter((one) => one !== program)
    await program.kill()
    acknowledged.push(...program.lines)
  }
  const goesOn = (program: Program, count: number) => {
    const before = program.lines.length
    return until('it goes on', () => program.lines.length >= before + count, 200_000)
  }

  beforeEach(async () => {
    running = []
    acknowledged = []
    folder = temporaryFolder()
    writeFileSync(logPath(), '')
    server = await startMongoDouble()
  })
  afterEach(async () => {
    for (const program of running) await program.kill()
    await server.remove()
    folder.remove()
  })

  async function check(): Promise<void> {
    for (const program of running) await kill(program)
    const mongo = await openMongo({ url: server.url, database: 'streams' })
    const store = await openMongoStreamStore({ mongo, log: fileLog(logPath()) })
    try {
      await until('nothing is left to announce', async () => {
        // What a killed process had claimed is free again after a while.
        await mongo.run((database) => database.collection('journal').updateMany({}, { $unset: { claimedUntil: '' } }))
        await store.recover(0)
        return (await mongo.run((database) => database.collection('journal').countDocuments({ noted: 1 }))) === 0
      })
      const announcements = readFileSync(logPath(), 'utf8')
        .trim()
        .split('\n')
        .map((said) => said.split(' '))
      for (const stream of streams) {
        const [{ head }] = (await store.heads([stream])) as [{ head: number; floor: number }]
        const texts: string[] = []
        for (let from = 1; from <= head; from += 1000)
          for (const { seq, payload } of await store.read(stream, from, head, 1000)) {
            expect(seq).toBe(texts.length + 1)
            texts.push(Buffer.from(payload).toString())
          }
        expect(texts).toHaveLength(head)
        expect(new Set(texts).size).toBe(head)
        const mine = acknowledged
          .map((said) => said.split(' '))
          .filter((said) => said[0] === stream && said.length === 3)
        expect(mine.length).toBeGreaterThan(20)
        for (const [, seq, text] of mine) expect(texts[Number(seq) - 1]).toBe(text)
        let announcedTo = 0
        for (const [, first, last] of announcements.filter((said) => said[0] === stream)) {
          // Some are announced again, but none before what comes before it.
          expect(Number(first)).toBeLessThanOrEqual(announcedTo + 1)
          announcedTo = Math.max(announcedTo, Number(last))
        }
        expect(announcedTo).toBe(head)
        const pids = [...new Set(texts.map((text) => text.split('.')[1]!))]
        const last = await store.last(pids.map((value) => ({ view: 'of', stream, value })))
        expect(last).toEqual(pids.map((pid) => texts.findLastIndex((text) => text.split('.')[1] === pid) + 1))
      }
    } finally {
      await store.close()
      await mongo.close()
    }
  }

  it('are killed one after the other: nothing acknowledged is lost, nothing is stored twice, everything is announced in order', async () => {
    let one = start()
    let two = start()
    for (let crash = 0; crash < 6; crash++) {
      await goesOn(one, 40)
      await goesOn(two, 40)
      await kill(one)
      await goesOn(two, 20)
      one = start()
      ;[one, two] = [two, one]
    }
    await check()
  })

  it('outlive kill -9 of the server, and append each batch once', async () => {
    const [one, two] = [start(), start()]
    for (let crash = 0; crash < 4; crash++) {
      await goesOn(one, 30)
      await goesOn(two, 30)
      await server.kill()
      await server.start()
    }
    await goesOn(one, 30)
    await goesOn(two, 30)
    await check()
  })
})
