import type { EventLog } from '@parlance/notification-bus'
import type { AppendedEntry } from '@parlance/seq-allocator'
import { defineContract, until } from '@parlance/testing'
import { same } from './same.ts'
import type { BatchEffects, StreamBatch, StreamStore } from '../stream/stream-store.ts'

/** A store with the log that its announcements go to. */
export interface StreamStoreUnderTest {
  readonly streams: StreamStore
  readonly log: EventLog
  /** A topic of that log. */
  readonly topic: string
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const text = (payload: Uint8Array): string => new TextDecoder().decode(payload)
const entries = (...texts: string[]) => texts.map((one) => ({ payload: bytes(one), repeatKey: one }))
const nothing: BatchEffects = { marks: [], announced: [] }

type Given = Pick<StreamBatch, 'stream' | 'entries'> & Partial<Pick<StreamBatch, 'effects'>>

/** What became of each batch. */
async function outcomes(
  { streams }: StreamStoreUnderTest,
  batches: readonly Given[],
): Promise<PromiseSettledResult<readonly AppendedEntry[]>[]> {
  const results: PromiseSettledResult<readonly AppendedEntry[]>[] = []
  await streams.append(() =>
    batches.map((batch, index) => ({
      effects: () => nothing,
      ...batch,
      committed: (value) => (results[index] = { status: 'fulfilled', value }),
      failed: (reason) => (results[index] = { status: 'rejected', reason }),
    })),
  )
  return results
}

async function append(parts: StreamStoreUnderTest, batches: readonly Given[]): Promise<(readonly AppendedEntry[])[]> {
  return (await outcomes(parts, batches)).map((outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason
    return outcome.value
  })
}

async function contents({ streams }: StreamStoreUnderTest, stream: string): Promise<string[]> {
  return (await streams.read(stream, 1, 1000)).map(({ seq, payload }) => `${seq} ${text(payload)}`)
}

/** What every {@link StreamStore} does, with the log it announces to. */
export const streamStoreContract = defineContract<StreamStoreUnderTest>()('StreamStore', {
  'batches of several streams are numbered each on its own, densely': async (parts) => {
    await append(parts, [{ stream: 'a', entries: entries('a1') }])
    const appended = await append(parts, [
      { stream: 'a', entries: entries('a2', 'a3') },
      { stream: 'b', entries: entries('b1') },
    ])
    same(
      appended.map((batch) => batch.map(({ seq }) => seq)),
      [[2, 3], [1]],
    )
    same(await contents(parts, 'a'), ['1 a1', '2 a2', '3 a3'])
    same(await parts.streams.heads(['b', 'nobody', 'a']), [
      { head: 1, floor: 0 },
      { head: 0, floor: 0 },
      { head: 3, floor: 0 },
    ])
  },

  'a repeat is stored once and gets the number of the stored entry': async (parts) => {
    await append(parts, [{ stream: 'a', entries: entries('x', 'y') }])
    const [appended] = await append(parts, [{ stream: 'a', entries: entries('y', 'z', 'z') }])
    same(appended, [
      { seq: 2, repeated: true },
      { seq: 3, repeated: false },
      { seq: 3, repeated: true },
    ])
    same(await contents(parts, 'a'), ['1 x', '2 y', '3 z'])
  },

  'what is taken is what was there when the step began, and each batch is told of once': async (parts) => {
    const batches: Given[] = [{ stream: 'a', entries: entries('x') }]
    const calls: string[] = []
    const done = parts.streams.append(() => {
      calls.push('take')
      return batches.splice(0).map((batch) => ({
        ...batch,
        effects: () => {
          calls.push('effects')
          return nothing
        },
        committed: () => calls.push('committed'),
        failed: () => calls.push('failed'),
      }))
    })
    batches.push({ stream: 'a', entries: entries('y') })
    await done
    same(calls, ['take', 'effects', 'effects', 'committed', 'committed'])
    same(await contents(parts, 'a'), ['1 x', '2 y'])
  },

  'marks keep the highest seq, per view, stream and value, however many entries follow': async (parts) => {
    const marking = (stream: string, count: number, ...marks: [view: string, value: string][]): Given => ({
      stream,
      entries: Array.from({ length: count }, () => ({ payload: bytes('x') })),
      effects: (appended) => ({
        ...nothing,
        marks: marks.map(([view, value]) => ({ view, value, seq: appended.at(-1)!.seq })),
      }),
    })
    await append(parts, [marking('a', 1, ['v', 'u']), marking('b', 5, ['v', 'u'])])
    await append(parts, [marking('a', 2, ['w', '']), marking('a', 1, ['v', 'u'])])
    for (const count of [70, 70, 70]) await append(parts, [marking('a', count, ['v', 'often'])])
    const asked = (view: string, stream: string, value: string) => ({ view, stream, value })
    same(
      await parts.streams.last([
        asked('v', 'a', 'u'),
        asked('w', 'a', 'u'),
        asked('w', 'a', ''),
        asked('v', 'b', 'u'),
        asked('v', 'a', 'often'),
        asked('v', 'nobody', 'u'),
      ]),
      [4, 0, 3, 5, 214, 0],
    )
  },

  'announcements are published if their entries are stored, in order': async (parts) => {
    const seen: string[] = []
    const subscription = await parts.log.subscribe(
      parts.topic,
      'contract',
      async (records) => {
        for (const { payload } of records) if (!seen.includes(text(payload))) seen.push(text(payload))
      },
      { maxBatch: 10 },
    )
    const announcing = (stream: string, one: string, ...texts: string[]): Given => ({
      stream,
      entries: entries(one),
      effects: () => {
        if (texts.length === 0) throw new RangeError('refused')
        return {
          ...nothing,
          announced: [{ topic: parts.topic, records: texts.map((said) => ({ key: 'k', payload: bytes(said) })) }],
        }
      },
    })
    await append(parts, [announcing('a', 'x', 'first', 'second')])
    await outcomes(parts, [announcing('a', 'refused')])
    await append(parts, [announcing('a', 'y', 'third'), announcing('a', 'x', 'never'), announcing('a', 'z', 'fourth')])
    await append(parts, [announcing('a', 'x', 'never')])
    await append(parts, [announcing('a', 'last', 'fifth')])
    await until('the announcements arrived', () => seen.includes('fifth'))
    same(seen, ['first', 'second', 'third', 'fourth', 'fifth'])
    await subscription.close()
  },

  'a batch whose effects fail is not stored; the others are, and take the numbers': async (parts) => {
    const failing = (stream: string, one: string): Given => ({
      stream,
      entries: entries(one),
      effects: () => {
        throw new RangeError('refused')
      },
    })
    await append(parts, [{ stream: 'a', entries: entries('x') }])
    const [alone] = await outcomes(parts, [failing('a', 'y')])
    same([alone!.status, (alone as PromiseRejectedResult).reason], ['rejected', new RangeError('refused')])
    same(await contents(parts, 'a'), ['1 x'])
    const among = await outcomes(parts, [
      { stream: 'a', entries: entries('y') },
      failing('a', 'z'),
      { stream: 'b', entries: entries('other') },
      { stream: 'a', entries: entries('z') },
    ])
    same(
      among.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
    )
    same(await contents(parts, 'a'), ['1 x', '2 y', '3 z'])
    same(await contents(parts, 'b'), ['1 other'])
  },

  'what is truncated is gone, and its numbers are not given again': async (parts) => {
    await append(parts, [{ stream: 'a', entries: entries('v', 'w', 'x', 'y') }])
    await parts.streams.truncate('a', 3)
    same(await parts.streams.heads(['a']), [{ head: 4, floor: 2 }])
    same(await contents(parts, 'a'), ['3 x', '4 y'])
    const [appended] = await append(parts, [{ stream: 'a', entries: entries('z') }])
    same(appended, [{ seq: 5, repeated: false }])
  },

  'a read gives a part, ascending, at most the limit': async (parts) => {
    await append(parts, [
      { stream: 'a', entries: entries(...Array.from({ length: 250 }, (_, index) => `e${index + 1}`)) },
    ])
    const seqs = async (first: number, last: number, limit?: number) =>
      (await parts.streams.read('a', first, last, limit)).map(({ seq }) => seq)
    same(await seqs(99, 102), [99, 100, 101, 102])
    same(await seqs(249, 900), [249, 250])
    same(await seqs(1, 250, 3), [1, 2, 3])
    same(await seqs(300, 400), [])
  },

  'entries are read by their numbers, ascending, each once, without those that are not there': async (parts) => {
    await append(parts, [
      { stream: 'a', entries: entries(...Array.from({ length: 250 }, (_, index) => `e${index + 1}`)) },
    ])
    await append(parts, [{ stream: 'a', entries: entries('last') }])
    await parts.streams.truncate('a', 3)
    const read = async (stream: string, ...seqs: number[]) =>
      (await parts.streams.readMany(stream, seqs)).map(({ seq, payload }) => `${seq} ${text(payload)}`)
    same(await read('a', 251, 7, 2, 252, 7, 3, 130), ['3 e3', '7 e7', '130 e130', '251 last'])
    same(await read('a'), [])
    same(await read('nobody', 1), [])
  },
})
