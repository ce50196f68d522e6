import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SqliteEngine } from '@parlance/engines/sqlite'
import { createEmbeddedJournal } from '@parlance/seq-allocator/embedded'
import { temporaryFolder } from '@parlance/testing'

interface Step {
  readonly stream: string
  readonly keys: readonly (number | null)[]
  readonly undo: boolean
  readonly restart: boolean
  readonly alone: boolean
}

const steps = fc.array(
  fc.record<Step>({
    stream: fc.constantFrom('a', 'b'),
    keys: fc.array(fc.option(fc.integer({ min: 0, max: 12 })), { maxLength: 6 }),
    undo: fc.boolean(),
    restart: fc.boolean(),
    alone: fc.boolean(),
  }),
  { maxLength: 25 },
)

/** What a journal is, in the simplest words: an array per stream. */
class Model {
  readonly #streams = new Map<string, { key: number | null; text: string }[]>()

  append(stream: string, entries: readonly { key: number | null; text: string }[]) {
    const stored = this.stream(stream)
    return entries.map((entry) => {
      const known = entry.key === null ? -1 : stored.findIndex(({ key }) => key === entry.key)
      if (known >= 0) return { seq: known + 1, repeated: true }
      stored.push(entry)
      return { seq: stored.length, repeated: false }
    })
  }

  stream(name: string) {
    const stored = this.#streams.get(name) ?? []
    this.#streams.set(name, stored)
    return stored
  }
}

test('random appends with repeats, undone ones and restarts: the journal is what the model says', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (history) => {
      using folder = temporaryFolder()
      const open = () => SqliteEngine.open({ path: `${folder.path}/data.db` })
      let engine = open()
      let journal = createEmbeddedJournal({ engine, maxCachedStreams: 1 })
      const model = new Model()
      const pending: Promise<void>[] = []
      for (const [index, step] of history.entries()) {
        const entries = step.keys.map((key, position) => ({ key, text: `${index}.${position}` }))
        const given = entries.map(({ key, text }) => ({
          payload: Buffer.from(text),
          ...(key === null ? {} : { repeatKey: `key ${key}` }),
        }))
        const write = engine.write(() => {
          const [appended] = journal.appendIn([{ stream: step.stream, entries: given }])
          if (step.undo) throw new Error('undone')
          return appended
        })
        if (step.undo) pending.push(expect(write).rejects.toThrow('undone'))
        else pending.push(expect(write).resolves.toEqual(model.append(step.stream, entries)))
        if (step.alone || step.restart) await Promise.all(pending.splice(0))
        if (step.restart) {
          await engine.close()
          engine = open()
          journal = createEmbeddedJournal({ engine, maxCachedStreams: 1 })
        }
      }
      await Promise.all(pending)
      for (const name of ['a', 'b']) {
        const stored = await journal.read(name, 1, 1000)
        expect(stored.map(({ seq, payload }) => `${seq} ${Buffer.from(payload).toString()}`)).toEqual(
          model.stream(name).map(({ text }, index) => `${index + 1} ${text}`),
        )
        expect(await journal.heads([name])).toEqual([{ head: model.stream(name).length, floor: 0 }])
      }
      await engine.close()
    }),
    { numRuns: 60 },
  )
})
