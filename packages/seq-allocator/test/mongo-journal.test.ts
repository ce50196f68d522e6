import { type Mongo, MongoUnavailableError } from '@parlance/engines/mongo'
import type { AppendedEntry, Journal, NewEntry } from '@parlance/seq-allocator'
import { journalContract } from '@parlance/seq-allocator/contract'
import { type MongoJournal, type MongoJournalOptions, openMongoJournal } from '@parlance/seq-allocator/mongo'
import { until } from '@parlance/testing'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { mongoURL, openDatabase } from './mongo-database.ts'

const entry = (text: string, repeatKey?: string): NewEntry => ({
  payload: Buffer.from(text),
  ...(repeatKey === undefined ? {} : { repeatKey }),
})
const entries = (count: number, prefix = 'e'): NewEntry[] =>
  Array.from({ length: count }, (_, index) => entry(`${prefix}${index + 1}`))
const textsOf = (stored: readonly { seq: number; payload: Uint8Array }[]) =>
  stored.map(({ seq, payload }) => `${seq} ${Buffer.from(payload).toString()}`)

describe.skipIf(mongoURL === undefined)('the journal in MongoDB', () => {
  const opened = new Map<Journal, () => Promise<void>>()
  const open = (maxCachedStreams: number) => async (): Promise<Journal> => {
    const { mongo, drop } = await openDatabase()
    const journal = await openMongoJournal({ mongo, maxCachedStreams })
    opened.set(journal, async () => {
      await journal.close()
      await drop()
    })
    return journal
  }
  const close = async (journal: Journal): Promise<void> => opened.get(journal)?.()
  journalContract('MongoDB', { open: open(10_000), close })
  journalContract('MongoDB, ends of streams not in memory', { open: open(0), close })
})

describe.skipIf(mongoURL === undefined)('several processes on the streams of one MongoDB', () => {
  let mongo: Mongo
  let drop: () => Promise<void>
  let journals: MongoJournal[]
  const join = async (options: Partial<MongoJournalOptions> = {}): Promise<MongoJournal> => {
    const journal = await openMongoJournal({ mongo, ...options })
    journals.push(journal)
    return journal
  }
  const commandsOf = async (work: () => Promise<unknown>): Promise<string[]> => {
    const names: string[] = []
    const stop = mongo.onCommand(({ name }) => names.push(name))
    await work()
    stop()
    return names
  }

  beforeEach(async () => {
    journals = []
    ;({ mongo, drop } = await openDatabase())
  })
  afterEach(async () => {
    for (const journal of journals) await journal.close()
    await drop()
  })

  it('all append to one stream at once: no number twice, none left out, every call in one piece, a repeat stored once', async () => {
    const together = await Promise.all([join(), join(), join()])
    const appended = await Promise.all(
      together.map(async (journal, process) => {
        const results: { texts: string[]; seqs: number[] }[] = []
        for (let round = 0; round < 25; round++) {
          const texts = Array.from({ length: (round % 4) + 1 }, (_, index) => `${process}.${round}.${index}`)
          const batch = [...texts.map((text) => entry(text)), entry(`shared ${round}`, `shared ${round}`)]
          const seqs = (await journal.append('s', batch)).map(({ seq }) => seq)
          results.push({ texts: [...texts, `shared ${round}`], seqs })
        }
        return results
      }),
    )
    const head = (await together[0]!.heads(['s']))[0]!.head
    const stored = (await together[1]!.read('s', 1, head, 1000)).map(({ payload }) => Buffer.from(payload).toString())
    expect(stored).toHaveLength(head)
    expect(head).toBe(3 * (1 + 2 + 3 + 4) * 6 + 3 * 1 + 25)
    for (const { texts, seqs } of appended.flat()) {
      expect(seqs.map((seq) => stored[seq - 1])).toEqual(texts)
      const own = seqs.slice(0, -1)
      expect(own).toEqual(own.map((_, index) => own[0]! + index))
    }
  })

  it('is what the model says, whoever appends, reads and gives up what', async () => {
    const action = fc.record({
      who: fc.nat(1),
      stream: fc.constantFrom('s', 't'),
      kind: fc.constantFrom('append', 'append', 'append', 'read', 'readMany', 'truncate'),
      count: fc.integer({ min: 1, max: 260 }),
      keys: fc.array(fc.nat(40), { maxLength: 4 }),
      from: fc.integer({ min: -2, max: 900 }),
      seqs: fc.array(fc.integer({ min: -2, max: 900 }), { maxLength: 8 }),
    })
    let run = 0
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 30 }), async (actions) => {
        const name = (stream: string) => `${stream}${run}`
        run++
        const both = [await join(), await join({ maxCachedStreams: 1 })]
        const model = new Map(['s', 't'].map((one) => [one, { texts: [] as string[], keys: new Map(), floor: 0 }]))
        for (const [index, step] of actions.entries()) {
          const journal = both[step.who]!
          const known = model.get(step.stream)!
          const stream = name(step.stream)
          if (step.kind === 'append') {
            const given = [
              ...entries(step.count, `${index}.`),
              ...step.keys.map((key) => entry(`${index} ${key}`, `key ${key}`)),
            ]
            const expected = given.map(({ payload, repeatKey }): AppendedEntry => {
              const seq: number | undefined = repeatKey === undefined ? undefined : known.keys.get(repeatKey)
              if (seq !== undefined) return { seq, repeated: true }
              known.texts.push(payload.toString())
              if (repeatKey !== undefined) known.keys.set(repeatKey, known.texts.length)
              return { seq: known.texts.length, repeated: false }
            })
            expect(await journal.append(stream, given)).toEqual(expected)
          } else if (step.kind === 'read') {
            const from = Math.max(step.from, known.floor + 1)
            const expected = known.texts
              .slice(from - 1, from - 1 + step.count)
              .map((text, at) => `${from + at} ${text}`)
            expect(textsOf(await journal.read(stream, step.from, from + step.count - 1, 1000))).toEqual(expected)
          } else if (step.kind === 'readMany') {
            const there = [...new Set(step.seqs)].filter((seq) => seq > known.floor && seq <= known.texts.length)
            const expected = there.toSorted((one, other) => one - other).map((seq) => `${seq} ${known.texts[seq - 1]}`)
            expect(textsOf(await journal.readMany(stream, step.seqs))).toEqual(expected)
          } else if (known.keys.size === 0) {
            // Whether a key of an entry given up is still known is nobody's promise.
            await journal.truncate(stream, step.from)
            known.floor = Math.max(known.floor, Math.min(step.from - 1, known.texts.length))
          }
          expect(await both[1 - step.who]!.heads([stream])).toEqual([{ head: known.texts.length, floor: known.floor }])
        }
      }),
      { numRuns: 25 },
    )
  })

  it('large entries are sealed in parts and read back', async () => {
    const journal = await join({ maxTailBytes: 40_000 })
    const large = (mark: number) => ({ payload: Buffer.alloc(10_000, mark) })
    for (let batch = 0; batch < 5; batch++)
      await journal.append(
        's',
        Array.from({ length: 3 }, (_, index) => large(batch * 3 + index)),
      )
    await journal.append('s', entries(90))
    await journal.append('s', entries(2, 'f'))
    const marks = async (reader: Journal, first: number, last: number) =>
      (await reader.read('s', first, last)).map(({ payload }) => payload[0])
    const other = await join({ maxTailBytes: 40_000 })
    expect(await marks(other, 1, 15)).toEqual(Array.from({ length: 15 }, (_, index) => index))
    expect((await other.readMany('s', [15, 1, 8])).map(({ payload }) => payload[5])).toEqual([0, 7, 14])
    expect(textsOf(await other.read('s', 104, 130))).toEqual(['104 e89', '105 e90', '106 f1', '107 f2'])
    expect((await other.read('s', 1, 40, 100, 30_000)).length).toBe(3)
    await other.truncate('s', 99)
    expect(textsOf(await journal.read('s', 1, 100))).toEqual(['99 e84', '100 e85'])
    await other.truncate('s', 101)
    expect(textsOf(await journal.read('s', 1, 101))).toEqual(['101 e86'])
    const left = await mongo.run((database) => database.collection('journal').countDocuments())
    expect(left).toBe(1)
  })

  it('takes the round trips that it promises', async () => {
    const journal = await join()
    const keyed = (count: number, prefix: string) =>
      entries(count, prefix).map((one, index) => ({ ...one, repeatKey: `${prefix}${index}` }))
    expect(await commandsOf(() => journal.append('s', keyed(1, 'a')))).toEqual(['find', 'update'])
    expect(await commandsOf(() => journal.append('s', keyed(1, 'b')))).toEqual(['update'])
    expect(await commandsOf(() => journal.append('s', keyed(100, 'c')))).toEqual(['update'])
    expect((await commandsOf(() => journal.append('s', keyed(1, 'd')))).toSorted()).toEqual([
      'find',
      'insert',
      'insert',
      'update',
    ])
    expect(await commandsOf(() => journal.append('s', keyed(50, 'e')))).toEqual(['find', 'update'])
    expect(await commandsOf(() => journal.append('s', entries(10)))).toEqual(['update'])
    expect(await commandsOf(() => journal.read('s', 1, 100, 100))).toEqual(['find'])
    expect(await commandsOf(() => journal.read('s', 51, 150, 100))).toEqual(['find'])
    expect(await commandsOf(() => journal.readMany('s', [1, 140, 60]))).toEqual(['find'])
    const many = Array.from({ length: 400 }, (_, index) => `many ${index}`)
    const all = () => Promise.all(many.map((stream) => journal.append(stream, keyed(1, 'x'))))
    expect(await commandsOf(all)).toEqual(['find', 'update'])
    expect(await commandsOf(all)).toEqual([])
    expect(await commandsOf(() => journal.heads(many))).toEqual(['find'])
  })

  it('reads what was appended since of many streams in one query, of the newest entries only', async () => {
    const [writer, reader] = [await join(), await join()]
    const streams = Array.from({ length: 40 }, (_, index) => `s${index}`)
    const append = (count: number, prefix: string) =>
      Promise.all(streams.map((stream) => writer.append(stream, entries(count, `${stream} ${prefix}`))))
    await append(70, 'a'.repeat(1000))
    await reader.heads(streams)
    await append(2, 'b')
    const sizes: number[] = []
    const commands = await commandsOf(async () => {
      const found = await Promise.all(streams.map((stream) => reader.read(stream, 71, 72)))
      for (const [index, stream] of streams.entries())
        expect(textsOf(found[index]!)).toEqual([`71 ${stream} b1`, `72 ${stream} b2`])
      for (const { payload } of found.flat()) sizes.push(payload.buffer.byteLength)
    })
    expect(commands).toEqual(['find'])
    // None keeps the answer about all streams in memory.
    expect(Math.max(...sizes)).toBeLessThan(20_000)
  })

  it('reads what is not among the newest entries any more: more came than was foreseen, or it was sealed or given up', async () => {
    const [writer, reader] = [await join(), await join()]
    await writer.append('s', entries(50, 'a'))
    await reader.heads(['s'])
    await writer.append('s', entries(45, 'b'))
    const range = Array.from({ length: 45 }, (_, index) => `${51 + index} b${index + 1}`)
    expect(textsOf(await reader.read('s', 51, 52))).toEqual(range.slice(0, 2))
    expect(textsOf(await reader.read('s', 51, 95))).toEqual(range)
    await writer.append('s', entries(250, 'c'))
    expect(textsOf(await reader.read('s', 94, 97))).toEqual(['94 b44', '95 b45', '96 c1', '97 c2'])
    expect(textsOf(await reader.read('s', 346, 400))).toEqual([])
    expect(textsOf(await reader.read('s', 345, 400))).toEqual(['345 c250'])
    await writer.truncate('s', 344)
    expect(textsOf(await reader.read('s', 340, 400))).toEqual(['344 c249', '345 c250'])
  })

  it('knows the newest number of a tag, in the tail and in what was sealed', async () => {
    const journal = await join()
    const tagged = (stream: string, count: number, tag: string) =>
      journal.appendWith({
        stream,
        entries: entries(count),
        attach: (appended) => ({ tags: [{ tag, seq: appended.at(-1)!.seq }] }),
      })
    await tagged('s', 30, 'u')
    await tagged('s', 90, 'v')
    await tagged('s', 3, 'w')
    await tagged('s', 2, 'v')
    await tagged('t', 1, 'u')
    const other = await join()
    const asked = ['su', 'sv', 'sw', 'sx', 'tu', 'tv', 'nu'].map(([stream, tag]) => ({ stream: stream!, tag: tag! }))
    expect(await other.newest(asked)).toEqual([30, 125, 123, 0, 1, 0, 0])
    expect(await commandsOf(() => other.newest([{ stream: 't', tag: 'u' }]))).toEqual(['find'])
    expect(await commandsOf(() => other.newest([{ stream: 's', tag: 'u' }]))).toEqual(['find', 'find'])
  })

  it('keeps a note with its entries until it is settled, and hands what others left to whoever appends next', async () => {
    const seen: string[] = []
    const listening = (who: string) => ({
      onNotes: (stream: string, notes: readonly { seq: number; note: Uint8Array }[]) =>
        seen.push(...notes.map(({ seq, note }) => `${who} ${stream} ${seq} ${Buffer.from(note).toString()}`)),
    })
    const [one, two] = [await join(listening('one')), await join(listening('two'))]
    const noted = (journal: MongoJournal, text: string) =>
      journal.appendWith({ stream: 's', entries: [entry(text, text)], attach: () => ({ note: Buffer.from(text) }) })
    await noted(one, 'a')
    expect(seen.splice(0)).toEqual(['one s 1 a'])
    await noted(two, 'b')
    expect(seen.splice(0)).toEqual(['two s 1 a', 'two s 2 b'])
    two.settle('s', 1)
    await noted(two, 'c')
    expect(seen.splice(0)).toEqual(['two s 2 b', 'two s 3 c'])
    await noted(one, 'd')
    expect(seen.splice(0)).toEqual(['one s 2 b', 'one s 3 c', 'one s 4 d'])
    const claim = { olderThanMs: 0, claimMs: 60_000, limit: 10 }
    const taken = await two.takeUnsettled(claim)
    expect(taken.map(({ stream, notes }) => [stream, notes.map(({ seq }) => seq)])).toEqual([['s', [2, 3, 4]]])
    expect(await one.takeUnsettled(claim)).toEqual([])
    one.settle('s', 4)
    await until('the notes are gone', async () => {
      const left = await mongo.run((database) => database.collection('journal').countDocuments({ noted: 1 }))
      return left === 0
    })
  })

  it('an append that cannot be noted fails alone, and the others of its moment take the numbers', async () => {
    const journal = await join()
    const refusing = (text: string) =>
      journal.appendWith({
        stream: 's',
        entries: [entry(text)],
        attach: () => {
          if (text === 'bad') throw new RangeError('refused')
          return {}
        },
      })
    const results = await Promise.allSettled([refusing('1'), refusing('bad'), refusing('2')])
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(textsOf(await journal.read('s', 1, 9))).toEqual(['1 1', '2 2'])
  })

  it.each([
    ['stored, and its answer lost', 'after'],
    ['stored only after the connection was lost', 'later'],
    ['never stored', 'never'],
  ] as const)('an append that was %s is stored once', async (_, fate) => {
    const rival = await join()
    let armed = false
    let late: Promise<unknown> = Promise.resolve()
    const lossy: Mongo = {
      database: mongo.database,
      run: (work) => mongo.run(work),
      ensureIndexes: (...given) => mongo.ensureIndexes(...given),
      onCommand: (listener) => mongo.onCommand(listener),
      onReply: (listener) => mongo.onReply(listener),
      health: () => mongo.health(),
      close: () => mongo.close(),
      async on(collection, work) {
        let isWrite = false
        const stop = mongo.onCommand(({ name }) => (isWrite ||= name === 'update'))
        const held = armed && fate !== 'after'
        armed &&= fate === 'after'
        if (held) {
          stop()
          const lost = new MongoUnavailableError('the connection was lost')
          if (fate === 'later') late = new Promise((resolve) => setImmediate(() => resolve(mongo.on(collection, work))))
          throw lost
        }
        const result = await mongo.on(collection, work)
        stop()
        if (isWrite && armed) {
          armed = false
          // Others append meanwhile, and even seal what was stored.
          await rival.append('s', entries(150, 'rival '))
          await rival.append('s', [entry('rival at last')])
          throw new MongoUnavailableError('the connection was lost')
        }
        return result
      },
    }
    const journal = await openMongoJournal({ mongo: lossy })
    journals.push(journal)
    await journal.append('s', [entry('first')])
    armed = true
    const appended = await journal.append('s', [entry('same'), entry('same')])
    await late
    expect(appended).toEqual([2, 3].map((seq) => ({ seq, repeated: false })))
    const stored = await journal.read('s', 1, 1000)
    expect(stored.filter(({ payload }) => payload.toString() === 'same').map(({ seq }) => seq)).toEqual([2, 3])
    expect((await journal.append('s', [entry('last')]))[0]!.seq).toBe(stored.length + 1)
  })

  it('a process that ends between sealing a block and appending leaves every entry once', async () => {
    const journal = await join()
    await journal.append('s', entries(101))
    let hasSealed = false
    const stop = mongo.onCommand(
      ({ name, collection }) => (hasSealed ||= name === 'insert' && collection === 'journal'),
    )
    const ending: Mongo = {
      database: mongo.database,
      run: (work) => mongo.run(work),
      ensureIndexes: (...given) => mongo.ensureIndexes(...given),
      onCommand: (listener) => mongo.onCommand(listener),
      onReply: (listener) => mongo.onReply(listener),
      health: () => mongo.health(),
      close: () => mongo.close(),
      on: async (collection, work) => {
        if (hasSealed) throw new RangeError('ended')
        return mongo.on(collection, work)
      },
    }
    const ended = await openMongoJournal({ mongo: ending })
    await expect(ended.append('s', entries(1, 'never'))).rejects.toThrow('ended')
    stop()
    expect(hasSealed).toBe(true)
    const seqs = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, index) => first + index)
    const read = async (first: number, last: number) => (await journal.read('s', first, last)).map(({ seq }) => seq)
    expect(await read(1, 200)).toEqual(seqs(1, 101))
    expect(await read(50, 100)).toEqual(seqs(50, 100))
    expect((await journal.readMany('s', [101, 7, 100])).map(({ seq }) => seq)).toEqual([7, 100, 101])
    expect(await journal.append('s', entries(1))).toEqual([{ seq: 102, repeated: false }])
    expect(await read(1, 200)).toEqual(seqs(1, 102))
  })

  it('refuses what would wait beyond its bound, and everything once it is closed', async () => {
    const journal = await join({ maxPendingEntries: 5 })
    const first = journal.append('s', entries(4))
    await expect(journal.append('s', entries(2))).rejects.toMatchObject({ code: 'CORE_OVERLOADED' })
    await first
    await expect(journal.append('s', entries(10_001))).rejects.toMatchObject({ code: 'CORE_INVALID_ARGUMENT' })
    await journal.close()
    await expect(journal.append('s', entries(1))).rejects.toMatchObject({ code: 'CORE_CLOSED' })
  })
})
