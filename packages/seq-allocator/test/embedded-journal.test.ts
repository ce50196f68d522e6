import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { InvalidArgumentError, OverloadedError } from '@parlance/core'
import { SqliteEngine } from '@parlance/engines/sqlite'
import type { AppendedEntry, NewEntry } from '@parlance/seq-allocator'
import {
  createEmbeddedJournal,
  type EmbeddedJournal,
  type EmbeddedJournalOptions,
} from '@parlance/seq-allocator/embedded'
import { startProgram, temporaryFolder, type TemporaryFolder, until } from '@parlance/testing'
import { repeatHash } from '../src/embedded/repeat-keys.ts'

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url))
const runTypeScript = here('../../../test/run-typescript.mjs')

let folder: TemporaryFolder
let engine: SqliteEngine
let journal: EmbeddedJournal
let commits: number
let failCommits: boolean

const entry = (text: string, repeatKey?: string): NewEntry => ({
  payload: Buffer.from(text),
  ...(repeatKey === undefined ? {} : { repeatKey }),
})

function open(options: Partial<EmbeddedJournalOptions> = {}): void {
  const beforeCommit = (): void => {
    commits++
    if (failCommits) throw Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' })
  }
  engine = SqliteEngine.open({ path: `${folder.path}/data.db`, faults: { beforeCommit } })
  journal = createEmbeddedJournal({ engine, ...options })
}

async function reopen(options?: Partial<EmbeddedJournalOptions>): Promise<void> {
  await engine.close()
  open(options)
}

const textsOf = async (stream: string): Promise<string[]> =>
  (await journal.read(stream, 1, 10_000, 10_000)).map(({ seq, payload }) => `${seq}:${Buffer.from(payload).toString()}`)
const seqsOf = (appended: readonly AppendedEntry[]): number[] => appended.map(({ seq }) => seq)

beforeEach(() => {
  folder = temporaryFolder()
  commits = 0
  failCommits = false
  open()
})
afterEach(async () => {
  await engine.close()
  folder.remove()
})

test('all appends of one moment share one commit', async () => {
  await Promise.all(Array.from({ length: 200 }, (_, index) => journal.append(`s${index % 20}`, [entry('x')])))
  expect(commits).toBe(1)
})

test('appendIn is part of the transaction it is called in', async () => {
  engine.migrate('test', ['CREATE TABLE t(id INTEGER PRIMARY KEY)'])
  const insert = engine.prepare('INSERT INTO t VALUES (?)')
  const results = await engine.write(() => {
    insert.run(1)
    return journal.appendIn([
      { stream: 'a', entries: [entry('1'), entry('2')] },
      { stream: 'b', entries: [entry('3')] },
      { stream: 'a', entries: [entry('4')] },
    ])
  })
  expect(results.map(seqsOf)).toEqual([[1, 2], [1], [3]])
  expect(await textsOf('a')).toEqual(['1:1', '2:2', '3:4'])
  expect(() => journal.appendIn([])).toThrow(/inside SqliteEngine.write/)
})

test('an append that is undone leaves no number, no entry and no repeat key behind', async () => {
  await journal.append('s', [entry('a', 'a')])
  const undone = engine.write(() => {
    journal.appendIn([{ stream: 's', entries: [entry('b', 'b')] }])
    journal.appendIn([{ stream: 'new', entries: [entry('c', 'c')] }])
    throw new Error('undo')
  })
  const kept = journal.append('s', [entry('d', 'd')])
  await expect(undone).rejects.toThrow('undo')
  expect(seqsOf(await kept)).toEqual([2])
  expect(await journal.append('s', [entry('b', 'b')])).toEqual([{ seq: 3, repeated: false }])
  expect(await journal.append('new', [entry('c', 'c')])).toEqual([{ seq: 1, repeated: false }])
  expect(await textsOf('s')).toEqual(['1:a', '2:d', '3:b'])
})

test('a commit that fails leaves heads, entries and repeat keys as they were', async () => {
  await journal.append('s', [entry('a', 'a')])
  failCommits = true
  const failed = [journal.append('s', [entry('b', 'b')]), journal.append('t', [entry('c', 'c')])]
  for (const append of failed) await expect(append).rejects.toMatchObject({ code: 'SQLITE_DISK_FULL' })
  expect(await journal.heads(['s', 't'])).toEqual([
    { head: 1, floor: 0 },
    { head: 0, floor: 0 },
  ])
  failCommits = false
  expect(await journal.append('s', [entry('b', 'b')])).toEqual([{ seq: 2, repeated: false }])
  expect(await textsOf('s')).toEqual(['1:a', '2:b'])
})

test('one caller with unusable entries does not harm the others of the same moment', async () => {
  const appends = await Promise.allSettled([
    journal.append('s', [entry('a')]),
    journal.append('s', [entry('b', '')]),
    journal.append('s', [entry('c')]),
  ])
  expect(appends.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  expect(await textsOf('s')).toEqual(['1:a', '2:c'])
})

test('numbers, entries and repeat keys survive a restart', async () => {
  await journal.append('s', [entry('a', 'a'), entry('b')])
  await reopen()
  expect(await journal.append('s', [entry('c', 'c'), entry('a', 'a')])).toEqual([
    { seq: 3, repeated: false },
    { seq: 1, repeated: true },
  ])
  expect(await textsOf('s')).toEqual(['1:a', '2:b', '3:c'])
})

test('repeat keys are recognised within the window, also after a restart, and in bounded memory', async () => {
  await reopen({ repeatWindow: 100 })
  const append = async (from: number, to: number) => {
    for (let start = from; start < to; start += 10)
      await journal.append(
        's',
        Array.from({ length: 10 }, (_, index) => entry('x', `k${start + index}`)),
      )
  }
  await append(0, 1000)
  const newest = () => journal.append('s', [entry('x', 'k999'), entry('x', 'k900')])
  expect(await newest()).toEqual([
    { seq: 1000, repeated: true },
    { seq: 901, repeated: true },
  ])
  expect(engine.prepare<{ n: number }>('SELECT count(*) AS n FROM journal_repeats').get()!.n).toBeLessThanOrEqual(30)
  await reopen({ repeatWindow: 100 })
  expect(await newest()).toEqual([
    { seq: 1000, repeated: true },
    { seq: 901, repeated: true },
  ])
  expect(await journal.append('s', [entry('x', 'k0')])).toEqual([{ seq: 1001, repeated: false }])
})

test('appends that are undone use up nothing of the repeat window', async () => {
  await reopen({ repeatWindow: 100 })
  const keys = (from: number, count: number) =>
    Array.from({ length: count }, (_, index) => entry('x', `k${from + index}`))
  await journal.append('s', keys(0, 90))
  for (let round = 1; round <= 20; round++) {
    const undone = engine.write(() => {
      journal.appendIn([{ stream: 's', entries: keys(round * 1000, 50) }])
      throw new Error('undo')
    })
    await expect(undone).rejects.toThrow('undo')
    failCommits = round % 2 === 0
    await Promise.allSettled([journal.append('s', failCommits ? keys(round * 2000, 150) : [entry('no key')])])
    failCommits = false
  }
  const again = keys(0, 90).map((_, index) => ({ seq: index + 1, repeated: true }))
  expect(await journal.append('s', keys(0, 90))).toEqual(again)
  await journal.append('s', keys(100_000, 99))
  expect(await journal.append('s', keys(0, 90))).toEqual(again)
  await reopen({ repeatWindow: 100 })
  expect(await journal.append('s', keys(0, 90))).toEqual(again)
})

test('two repeat keys with the same hash are two entries, and each is recognised', async () => {
  // Found by search: the first 48 bits of the SHA-256 of both are the same in stream number 1.
  const [one, other] = ['76eec6d358e4', '3276eca2239e'] as const
  expect(repeatHash(1, Buffer.from(one))).toBe(repeatHash(1, Buffer.from(other)))
  expect(await journal.append('s', [entry('one', one), entry('other', other)])).toEqual([
    { seq: 1, repeated: false },
    { seq: 2, repeated: false },
  ])
  const again = [
    { seq: 2, repeated: true },
    { seq: 1, repeated: true },
  ]
  expect(await journal.append('s', [entry('other', other), entry('one', one)])).toEqual(again)
  await reopen()
  expect(await journal.append('s', [entry('other', other), entry('one', one)])).toEqual(again)
})

test('more pending entries than allowed are refused, and taken again after the commit', async () => {
  await reopen({ maxPendingEntries: 10 })
  const pending = journal.append(
    's',
    Array.from({ length: 8 }, () => entry('x')),
  )
  await expect(journal.append('s', [entry('x'), entry('x'), entry('x')])).rejects.toThrow(OverloadedError)
  await pending
  expect(seqsOf(await journal.append('s', [entry('y')]))).toEqual([9])
})

test('an append that no commit could ever take is refused for good', async () => {
  await reopen({ maxPendingEntries: 10 })
  const eleven = Array.from({ length: 11 }, () => entry('x'))
  await expect(journal.append('s', eleven)).rejects.toThrow(InvalidArgumentError)
  expect(seqsOf(await journal.append('s', eleven.slice(1)))).toHaveLength(10)
})

test('truncating raises the floor and frees the space; numbers go on', async () => {
  for (let call = 0; call < 200; call++) await journal.append('s', [entry('a', `a${call}`), entry('b'), entry('c')])
  await journal.truncate('s', 500)
  expect(await journal.heads(['s'])).toEqual([{ head: 600, floor: 499 }])
  expect((await journal.read('s', 1, 600))[0]!.seq).toBe(500)
  const rows = () => engine.prepare<{ n: number }>('SELECT count(*) AS n FROM journal_log').get()!.n
  expect(rows()).toBe(34)
  await journal.truncate('s', 100)
  expect(await journal.heads(['s'])).toEqual([{ head: 600, floor: 499 }])
  await journal.truncate('s', 10_000)
  expect(await journal.read('s', 1, 600)).toEqual([])
  expect(rows()).toBe(0)
  await reopen()
  expect(await journal.heads(['s'])).toEqual([{ head: 600, floor: 600 }])
  expect(await journal.append('s', [entry('new'), entry('a', 'a0')])).toEqual([
    { seq: 601, repeated: false },
    { seq: 602, repeated: false },
  ])
})

test('kill -9 while appending: every acknowledged entry is there once, without a gap', async () => {
  const acknowledged: string[] = []
  await engine.close()
  for (let crash = 0; crash < 3; crash++) {
    const child = startProgram(runTypeScript, here('./child/append.ts'), `${folder.path}/data.db`)
    await until('it has appended', () => child.lines.length > 60)
    await child.kill()
    acknowledged.push(...child.lines)
  }
  open()
  for (const stream of ['a', 'b', 'c']) {
    const stored = await journal.read(stream, 1, 10_000, 10_000)
    expect(stored.map(({ seq }) => seq)).toEqual(stored.map((_, index) => index + 1))
    const texts = stored.map(({ payload }) => Buffer.from(payload).toString())
    expect(new Set(texts).size).toBe(texts.length)
    const mine = acknowledged.filter((line) => line.startsWith(`${stream} `) && line.split(' ').length === 3)
    expect(mine.length).toBeGreaterThan(20)
    for (const line of mine) {
      const [, seq, key] = line.split(' ')
      expect(texts[Number(seq) - 1]).toBe(key)
    }
    const [, lastSeq, lastKey] = mine.at(-1)!.split(' ')
    expect(await journal.append(stream, [entry('again', lastKey)])).toEqual([{ seq: Number(lastSeq), repeated: true }])
  }
})
