import assert from 'node:assert/strict'
import { noMetrics, ParlanceError, silentLogger, TimeoutError } from '@parlance/core'
import { defineEntity, field } from '@parlance/cached-repository'
import type { AnyRow, EntityWrite, StoredRow, WriteEffects } from '@parlance/cached-repository'
import type { Change } from '@parlance/notification-bus'
import { explore, type Run, VirtualClock } from '@parlance/testing'
import { describe, expect, it } from 'vitest'
import { Dependents } from '../src/entity/dependents.ts'
import { RowCodec } from '../src/entity/row-codec.ts'
import { ClearQueue } from '../src/mongo/clear-queue.ts'
import type { Ground } from '../src/mongo/contention.ts'
import { Finisher } from '../src/mongo/finisher.ts'
import type { IntentRow } from '../src/mongo/intent-table.ts'
import { writeJointly } from '../src/mongo/joint-writer.ts'
import type { RowTable } from '../src/mongo/row-table.ts'
import { writeRow } from '../src/mongo/row-writer.ts'
import { Sweeper } from '../src/mongo/sweeper.ts'
import { planWrites } from '../src/mongo/write-plan.ts'
import { MemoryIntentTable, MemoryRowTable } from './memory-tables.ts'

const { schema } = defineEntity('card', {
  fields: { cardID: field.string(), place: field.string(), tag: field.string() },
  key: ['cardID'],
  views: (v) => ({ at: v.changes({ by: 'place' }) }),
})
const rows = new RowCodec(schema)
const dependents = new Dependents(schema, () => false)
const places = ['x', 'y', 'z']
const leaseMs = 10_000

/** What survives every process. */
class World {
  readonly table = new MemoryRowTable(schema)
  readonly intents = new MemoryIntentTable()
  readonly changes: Change[] = []
  readonly #done = new Set<string>()
  #operations = 0

  readonly lists = {
    append: async (changes: readonly Change[], { operation }: { operation: string }): Promise<void> => {
      if (!this.#done.has(operation)) this.changes.push(...changes)
      this.#done.add(operation)
    },
  }

  async put(...cards: AnyRow[]): Promise<void> {
    for (const row of cards) {
      const id = row['cardID'] as string
      const stored: StoredRow = { row: rows.checkRow(row), revision: 1 }
      this.table.rows.set(id, { id, stored, stamp: `s${id}`, marks: [], lock: undefined, readers: [] })
      this.changes.push({ list: `card.at:${String(row['place'])}`, element: id, kind: 'put' })
    }
  }

  cardOf(id: string): AnyRow | undefined {
    return this.table.rows.get(id)?.stored?.row
  }

  /** A process; without a run one that is alone. */
  open(run: Run, name?: string) {
    const far = <T extends object>(port: T, what: string): T =>
      name === undefined ? port : run.intercept(name, port, { name: what })
    const table = Object.assign(Object.create(far(this.table, 'rows')) as RowTable, {
      schema,
      idOf: this.table.idOf,
    })
    const ground: Ground = {
      intents: far(this.intents, 'intents'),
      tableOf: () => table,
      clock: run.clock,
      newOperation: () => `${run.clock.now()}-${name ?? 'last'}-${String(this.#operations++).padStart(4, '0')}`,
      leaseMs,
      random: () => 0.5,
      beforeStep: () => undefined,
    }
    const options = { waitMs: 1_000_000, maxUnfinished: 100, logger: silentLogger, metrics: noMetrics }
    const log = { publish: async () => undefined }
    const outlets = { lists: far(this.lists, 'lists'), log, ask: async () => undefined }
    const finisher = new Finisher(ground, outlets, new ClearQueue(), options)
    const effects = (): WriteEffects => ({
      changes: (_, before, after) => dependents.changes(before, after, () => dependents),
      spreads: () => [],
      committed: () => undefined,
      told: async () => undefined,
    })
    const succession = { effectsOf: effects, wake: () => undefined }
    const parts = { ground, finisher, tables: () => [table], succession: () => succession }
    const sweeper = new Sweeper({ ...parts, logger: silentLogger, metrics: noMetrics })
    const apply = async (...writes: EntityWrite[]): Promise<void> => {
      const plan = (current: (entity: string, id: string) => StoredRow | undefined) =>
        planWrites(
          writes,
          () => ({ schema, rows, idOf: table.idOf }),
          (_, id) => current('card', id),
          effects(),
        )
      const allow = async (): Promise<void> => undefined
      const ids = new Map<string, IntentRow>()
      for (const write of writes) {
        const id = table.idOf('row' in write ? write.row : write.key)
        ids.set(id, { entity: 'card', id, isShared: write.kind === 'require' })
      }
      const [only] = ids.values()
      const { step } =
        ids.size === 1
          ? await writeRow(ground, {
              table,
              id: only!.id,
              isInsert: writes[0]!.kind === 'insert',
              effects: effects(),
              plan: (current) => plan(() => current),
              allow,
            })
          : await writeJointly(ground, { rows: [...ids.values()], effects: effects(), plan, allow })
      if (step !== undefined) await finisher.begin(step).shown
    }
    return { apply, finisher, sweeper }
  }

  /** What one process is asked to do; whether it was told that it is done. */
  program(
    run: Run,
    name: string,
    ...writes: EntityWrite[]
  ): { readonly outcome: () => 'done' | 'refused' | 'unknown' } {
    let outcome: 'done' | 'refused' | 'unknown' = 'unknown'
    const { apply, finisher } = this.open(run, name)
    run.program(name, name, async () => {
      try {
        await apply(...writes)
        outcome = 'done'
      } catch (error) {
        if (!ParlanceError.is(error)) throw error
        outcome = 'refused'
      }
      await finisher.idle()
    })
    return { outcome: () => outcome }
  }

  /** Lets whoever lives finish the rest; then nothing is left of any step, and the lists say where each card is. */
  async recovered(run: Run): Promise<void> {
    await run.clock.advance(leaseMs + 1)
    const { sweeper, finisher } = this.open(run)
    await sweeper.sweep()
    await finisher.idle()
    assert.equal(this.intents.intents.size, 0, 'an intent is left')
    for (const { id, stored, marks, lock, readers } of this.table.rows.values()) {
      assert.deepEqual([marks, readers], [[], []], `marks or readers are left on ${id}`)
      // A lock of an aborted step that came late is taken off by the next who meets it.
      if (lock !== undefined) assert.equal(this.intents.intents.has(lock), false)
      else assert.notEqual(stored, undefined, `the last trace of ${id} is left`)
    }
    for (const id of ['a', 'b', 'c'])
      for (const place of places) {
        const last = this.changes.findLast(({ list, element }) => list === `card.at:${place}` && element === id)
        const isHere = this.cardOf(id)?.['place'] === place
        assert.equal(last?.kind === 'put', isHere, `the list of ${place} is wrong about ${id}`)
      }
  }
}

const card = (cardID: string, place = 'x', tag = ''): AnyRow => ({ cardID, place, tag })
const patch = (cardID: string, change: AnyRow, ifRevision?: number): EntityWrite => ({
  kind: 'patch',
  schema,
  key: { cardID },
  change,
  ifRevision,
})
const insert = (cardID: string, place: string): EntityWrite => ({ kind: 'insert', schema, row: card(cardID, place) })
const remove = (cardID: string): EntityWrite => ({ kind: 'delete', schema, key: { cardID } })
const require = (cardID: string, ifRevision: number): EntityWrite => ({
  kind: 'require',
  schema,
  key: { cardID },
  ifRevision,
})

const exploring = async (scenario: (run: Run) => Promise<() => Promise<void>>): Promise<void> => {
  const result = await explore(scenario, { maxRuns: Number(process.env['EXPLORE_RUNS'] ?? 1_500), maxSteps: 400 })
  expect(result.violation).toBeUndefined()
  expect(result.runs).toBeGreaterThan(20)
}

describe('whatever order things happen in, and wherever a process dies', () => {
  it('two processes that move one card leave the lists right, and both moves are counted', () =>
    exploring(async (run) => {
      const world = new World()
      await world.put(card('a'))
      const one = world.program(run, 'one', patch('a', { place: 'y' }))
      const other = world.program(run, 'other', patch('a', { place: 'z' }))
      run.maybeCrash('one')
      return async () => {
        await world.recovered(run)
        assert.equal(other.outcome(), 'done')
        const { revision } = world.table.rows.get('a')!.stored!
        assert.ok(one.outcome() === 'done' ? revision === 3 : revision === 2 || revision === 3)
      }
    }))

  it('a card that is deleted and inserted at once is where the last of them left it', () =>
    exploring(async (run) => {
      const world = new World()
      await world.put(card('a'))
      world.program(run, 'one', remove('a'))
      world.program(run, 'other', insert('a', 'y'))
      run.maybeCrash('one')
      return () => world.recovered(run)
    }))

  it('a step on two cards is done on both or on none, beside one on a single card', () =>
    exploring(async (run) => {
      const world = new World()
      await world.put(card('a'), card('b'))
      const both = world.program(run, 'both', patch('a', { tag: 'j', place: 'y' }), patch('b', { tag: 'j' }))
      const one = world.program(run, 'one', patch('a', { place: 'z' }))
      run.maybeCrash('both')
      return async () => {
        await world.recovered(run)
        assert.equal(one.outcome(), 'done')
        const tags = ['a', 'b'].map((id) => world.cardOf(id)!['tag'])
        assert.equal(tags[0], tags[1])
        if (both.outcome() === 'done') assert.equal(tags[0], 'j')
        assert.equal(world.table.rows.get('a')!.stored!.revision, tags[0] === 'j' ? 3 : 2)
      }
    }))

  it('two steps on the same cards end, one after the other', () =>
    exploring(async (run) => {
      const world = new World()
      await world.put(card('a'), card('b'))
      const change = (tag: string) => [patch('a', { tag }), patch('b', { tag })] as const
      const one = world.program(run, 'one', ...change('1'))
      const other = world.program(run, 'other', change('2')[1], change('2')[0], insert('c', 'y'))
      run.maybeCrash('other')
      return async () => {
        await world.recovered(run)
        assert.equal(one.outcome(), 'done')
        assert.equal(world.cardOf('a')!['tag'], world.cardOf('b')!['tag'])
        if (other.outcome() === 'done') assert.notEqual(world.cardOf('c'), undefined)
        const revisions = ['a', 'b'].map((id) => world.table.rows.get(id)!.stored!.revision)
        assert.deepEqual(revisions, world.cardOf('c') === undefined ? [2, 2] : [3, 3])
      }
    }))

  it('what is required is as required at the moment that decides', () =>
    exploring(async (run) => {
      const world = new World()
      await world.put(card('a'), card('b'))
      const { commit } = world.intents
      let wasRight = true
      world.intents.commit = async (intent) => {
        const isCommitted = await commit(intent)
        if (isCommitted) wasRight &&= world.table.rows.get('a')!.stored!.revision === 1
        return isCommitted
      }
      const requiring = world.program(run, 'requiring', require('a', 1), insert('c', 'y'))
      const changing = world.program(run, 'changing', patch('a', { tag: '2' }))
      return async () => {
        await world.recovered(run)
        assert.ok(wasRight)
        assert.equal(changing.outcome(), 'done')
        assert.equal(world.cardOf('c') !== undefined, requiring.outcome() === 'done')
      }
    }))
})

describe('a write whose answer was lost', () => {
  /** The first call is done, or not, and its answer lost either way. */
  const losing = <A extends unknown[], R>(work: (...given: A) => Promise<R>, isDone: boolean) =>
    (() => {
      let isFirst = true
      return async (...given: A): Promise<R> => {
        if (!isFirst) return work(...given)
        isFirst = false
        if (isDone) await work(...given)
        throw new TimeoutError('the answer was lost')
      }
    })()

  const written = async (prepare: (world: World) => void, ...writes: EntityWrite[]): Promise<World> => {
    const world = new World()
    const clock = new VirtualClock()
    await world.put(card('a'), card('b'))
    prepare(world)
    const { apply, finisher } = world.open({ clock } as Run)
    let isOver = false
    const working = apply(...writes)
      .then(() => finisher.idle())
      .finally(() => (isOver = true))
    while (!isOver) await clock.advance(10)
    await working
    return world
  }

  it.each([true, false])('is done once when it was done: %s', async (isDone) => {
    const one = await written(({ table }) => (table.replace = losing(table.replace, isDone)), patch('a', { tag: '1' }))
    expect(one.table.rows.get('a')!.stored).toMatchObject({ revision: 2, row: { tag: '1' } })
    const inserted = await written(({ table }) => (table.create = losing(table.create, isDone)), insert('c', 'y'))
    expect(inserted.table.rows.get('c')!.stored).toMatchObject({ revision: 1 })
    for (const method of ['lock', 'settle', 'clear'] as const) {
      const both = await written(
        ({ table }) => void Object.assign(table, { [method]: losing(table[method] as never, isDone) }),
        patch('a', { tag: '2' }),
        patch('b', { tag: '2' }),
      )
      for (const id of ['a', 'b'])
        expect(both.table.rows.get(id)).toMatchObject({ stored: { revision: 2, row: { tag: '2' } }, lock: undefined })
    }
    const decided = await written(
      ({ intents }) => (intents.commit = losing(intents.commit, isDone)),
      patch('a', { tag: '3' }),
      insert('c', 'z'),
    )
    expect(decided.table.rows.get('a')!.stored).toMatchObject({ revision: 2, row: { tag: '3' } })
    expect(decided.table.rows.get('c')!.stored).toMatchObject({ revision: 1 })
    expect(decided.intents.intents.size).toBe(0)
  })
})
