import { createRepositories } from '@parlance/cached-repository'
import { noMetrics } from '@parlance/core'
import type { StoredEntry } from '@parlance/seq-allocator'
import { settle, temporaryFolder } from '@parlance/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decoded, line, lines, passedOn, texts } from './lines.ts'
import { house, repository } from './lines-house.ts'
import { openHouse } from './open-house.ts'

describe('reading', () => {
  it('decodes an entry once, when its row is first asked for', async () => {
    await repository.append('s', [line('1'), line('2')])
    decoded.count = 0
    const [entry] = await repository.range('s', 1, 2)
    expect(decoded.count).toBe(0)
    expect(entry!.row).toMatchObject({ text: '1', seq: 1 })
    expect(entry!.row).toBe(entry!.row)
    const [same] = await repository.at('s', [1])
    expect(same!.row).toBe(entry!.row)
    expect(decoded.count).toBe(1)
  })

  it('reads numbers here and there on their own, in one read, and blocks only for many of their numbers', async () => {
    const folder = temporaryFolder()
    const first = openHouse(undefined, folder)
    await first.repositories.ofStream(lines).append(
      's',
      Array.from({ length: 1_000 }, (_, index) => line(`${index + 1}`)),
    )
    await first.close()
    const loaded: number[] = []
    const counted = async (read: Promise<StoredEntry[]>) => {
      const entries = await read
      loaded.push(entries.length)
      return entries
    }
    const second = openHouse(
      ({ streams }) => ({
        streams: {
          ...passedOn(streams),
          read: (...parameters) => counted(streams.read(...parameters)),
          readMany: (...parameters) => counted(streams.readMany(...parameters)),
        },
      }),
      folder,
    )
    const reader = second.repositories.ofStream(lines)
    const scattered = Array.from({ length: 10 }, (_, index) => 1_000 - index * 100)
    expect(texts(await reader.at('s', [...scattered, 50, 50]))).toEqual([...scattered, 50, 50].map(String))
    expect(loaded).toEqual([11])
    const many = Array.from({ length: 25 }, (_, index) => 101 + index * 4)
    expect(texts(await reader.at('s', [...many, 1]))).toEqual([...many, 1].map(String))
    expect(loaded.toSorted((one, other) => one - other)).toEqual([1, 11, 100])
    expect(texts(await reader.at('s', [102, 199]))).toEqual(['102', '199'])
    expect(loaded).toHaveLength(3)
    await second.close()
    folder.remove()
  })

  it('reads full blocks through the shared cache: the journal is asked once', async () => {
    const folder = temporaryFolder()
    const first = openHouse(undefined, folder)
    await first.repositories.ofStream(lines).append(
      's',
      Array.from({ length: 250 }, (_, index) => line(`${index + 1}`)),
    )
    await first.close()
    let reads = 0
    const second = openHouse(
      ({ streams }) => ({
        streams: {
          ...passedOn(streams),
          read: (...parameters) => {
            reads++
            return streams.read(...parameters)
          },
        },
      }),
      folder,
    )
    const reader = second.repositories.ofStream(lines)
    const all = await Promise.all([reader.range('s', 50, 150), reader.range('s', 1, 99), reader.at('s', [1, 200])])
    expect(all.map((entries) => entries.length)).toEqual([101, 99, 2])
    expect(reads).toBe(1)
    expect(texts(await reader.range('s', 195, 999))).toHaveLength(56)
    expect(reads).toBe(2)
    expect(texts(await reader.range('s', 201, 999))).toHaveLength(50)
    expect(reads).toBe(2)
    await reader.append('s', [line('251')])
    expect(texts(await reader.at('s', [251, 250, 252, 0, 1.5]))).toEqual([
      '251',
      '250',
      undefined,
      undefined,
      undefined,
    ])
    expect(reads).toBe(2)
    await second.close()
    folder.remove()
  })

  it('agrees with what was appended, whatever is held in memory, in any order, across restarts', async () => {
    const action = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({
          kind: fc.constant('append' as const),
          stream: fc.constantFrom('s', 't'),
          count: fc.integer({ min: 1, max: 130 }),
        }),
      },
      {
        weight: 4,
        arbitrary: fc.record({
          kind: fc.constant('range' as const),
          stream: fc.constantFrom('s', 't'),
          first: fc.integer({ min: -5, max: 700 }),
          span: fc.integer({ min: -3, max: 400 }),
          limit: fc.integer({ min: 0, max: 300 }),
        }),
      },
      {
        weight: 3,
        arbitrary: fc.record({
          kind: fc.constant('at' as const),
          stream: fc.constantFrom('s', 't'),
          seqs: fc.array(fc.integer({ min: -1, max: 700 }), { maxLength: 9 }),
        }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('reopen' as const) }) },
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(action, { minLength: 5, maxLength: 25 }),
        fc.constantFrom(3_000, 60_000, 64_000_000),
        async (actions, tailMaxBytes) => {
          using folder = temporaryFolder()
          const open = () => openHouse(() => ({ local: { tailMaxBytes, maxBytes: 200_000 } }), folder)
          let current = open()
          const model = new Map<string, string[]>([
            ['s', []],
            ['t', []],
          ])
          for (const step of actions) {
            const reader = current.repositories.ofStream(lines)
            if (step.kind === 'reopen') {
              await current.close()
              current = open()
            } else if (step.kind === 'append') {
              const stored = model.get(step.stream)!
              const added = Array.from(
                { length: step.count },
                (_, index) => `${step.stream}${stored.length + index + 1}`,
              )
              await reader.append(
                step.stream,
                added.map((text) => line(text)),
              )
              stored.push(...added)
            } else if (step.kind === 'range') {
              const { first, span, limit } = step
              const entries = await reader.range(step.stream, first, first + span, { limit })
              const from = Math.max(first, 1)
              expect(texts(entries)).toEqual(
                model
                  .get(step.stream)!
                  .slice(from - 1, Math.max(0, first + span))
                  .slice(0, limit),
              )
            } else {
              const entries = await reader.at(step.stream, step.seqs)
              expect(texts(entries)).toEqual(step.seqs.map((seq) => model.get(step.stream)![seq - 1]))
            }
          }
          await current.close()
        },
      ),
      { numRuns: 15 },
    )
  })

  it('sees what another process appended between its own, although its memory has a gap there', async () => {
    const there = createRepositories(house.parts).ofStream(lines)
    await repository.append('s', [line('1'), line('2')])
    await there.append('s', [line('3')])
    expect(texts(await repository.range('s', 1, 9))).toEqual(['1', '2', '3'])
    expect(texts(await repository.at('s', [3, 1]))).toEqual(['3', '1'])
    await repository.append('s', [line('4')])
    expect(texts(await repository.range('s', 1, 9))).toEqual(['1', '2', '3', '4'])
    expect(texts(await repository.range('s', 3, 3))).toEqual(['3'])
    expect(texts(await there.range('s', 2, 9))).toEqual(['2', '3', '4'])
  })

  it('holds no more of the newest entries than it may', async () => {
    let mostBytes = 0
    const small = openHouse(() => ({
      local: { tailMaxBytes: 50_000 },
      metrics: {
        ...noMetrics,
        gauge: (name) => ({
          set: (value) => {
            if (name === 'parlance_repository_tail_bytes') mostBytes = Math.max(mostBytes, value)
          },
        }),
      },
    }))
    const bounded = small.repositories.ofStream(lines)
    for (const name of ['s', 't', 'u']) {
      await bounded.append(
        name,
        Array.from({ length: 60 }, (_, index) => line(`${name}${index + 1}`)),
      )
      expect(texts(await bounded.range(name, 59, 60))).toEqual([`${name}59`, `${name}60`])
    }
    for (const name of ['s', 't', 'u']) expect(texts(await bounded.range(name, 1, 1))).toEqual([`${name}1`])
    expect(mostBytes).toBeGreaterThan(20_000)
    expect(mostBytes).toBeLessThanOrEqual(50_000)
    await small.close()
    small.folder.remove()
  })

  it('leaves out what was given up', async () => {
    await repository.append(
      's',
      Array.from({ length: 130 }, (_, index) => line(`${index + 1}`)),
    )
    await repository.range('s', 1, 100)
    await repository.truncate('s', 50)
    expect(await repository.heads(['s'])).toEqual([{ head: 130, floor: 49 }])
    expect(texts(await repository.range('s', 1, 51))).toEqual(['50', '51'])
    expect(texts(await repository.at('s', [49, 50]))).toEqual([undefined, '50'])
  })

  it('a call with nothing answers nothing', async () => {
    await settle()
    expect(await repository.append('s', [])).toEqual([])
    expect(await repository.at('s', [])).toEqual([])
    expect(await repository.range('s', 1, 10)).toEqual([])
    expect(await repository.range('s', 5, 1)).toEqual([])
  })
})
