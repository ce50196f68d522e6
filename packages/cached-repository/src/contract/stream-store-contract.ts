import { rejects } from 'node:assert/strict'
import type { EventLog, ReadRecord } from '@parlance/notification-bus'
import type { AppendedEntry } from '@parlance/seq-allocator'
import { defineContract, until } from '@parlance/testing'
import { same } from './same.ts'
import type { BatchEffects, StreamBatch, StreamStore } from '../stream/stream-store.ts'

/** A store with the log that its announcements go to. */
export interface StreamStoreUnderTest {
  readonly streams: StreamStore
  readonly log: EventLog
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const text = (payload: Uint8Array): string => new TextDecoder().decode(payload)
const entries = (...texts: string[]) => texts.map((one) => ({ payload: bytes(one), repeatKey: one }))
const nothing: BatchEffects = { marks: [], announced: [] }

async function append(
  { streams }: StreamStoreUnderTest,
  batches: readonly StreamBatch[],
  effects: (appended: readonly (readonly AppendedEntry[])[]) => BatchEffects = () => nothing,
): Promise<readonly (readonly AppendedEntry[])[]> {
  let result: readonly (readonly AppendedEntry[])[] = []
  await streams.append({ take: () => batches, effects, committed: (appended) => (result = appended) })
  return result
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

  'what is taken is what was there when the step began': async (parts) => {
    const batches: StreamBatch[] = [{ stream: 'a', entries: entries('x') }]
    const calls: string[] = []
    const done = parts.streams.append({
      take: () => {
        calls.push('take')
        return batches.splice(0)
      },
      effects: () => {
        calls.push('effects')
        return nothing
      },
      committed: () => calls.push('committed'),
    })
    await done
    same(calls, ['take', 'effects', 'committed'])
    same(await contents(parts, 'a'), ['1 x'])
  },

  'marks keep the last seq that was given, per view, stream and value': async (parts) => {
    const mark = (view: string, stream: string, value: string, seq: number) => ({ view, stream, value, seq })
    const one = [{ stream: 'a', entries: entries('x') }]
    await append(parts, one, () => ({ ...nothing, marks: [mark('v', 'a', 'u', 1), mark('v', 'b', 'u', 5)] }))
    await append(parts, [], () => ({ ...nothing, marks: [mark('v', 'a', 'u', 4), mark('w', 'a', '', 2)] }))
    const asked = [mark('v', 'a', 'u', 0), mark('w', 'a', 'u', 0), mark('w', 'a', '', 0), mark('v', 'b', 'u', 0)]
    same(await parts.streams.last(asked), [4, 0, 2, 5])
  },

  'announcements are published with their entries, in order': async (parts) => {
    const seen: ReadRecord[] = []
    const subscription = await parts.log.subscribe(
      'contract.appended',
      'contract',
      async (records) => {
        seen.push(...records)
      },
      { maxBatch: 10 },
    )
    const announce = (...texts: string[]): BatchEffects => ({
      ...nothing,
      announced: [{ topic: 'contract.appended', records: texts.map((one) => ({ key: 'k', payload: bytes(one) })) }],
    })
    await append(parts, [{ stream: 'a', entries: entries('x') }], () => announce('first', 'second'))
    await append(parts, [{ stream: 'a', entries: entries('y') }], () => announce('third'))
    await until('the announcements arrived', () => seen.length === 3)
    same(
      seen.map(({ payload }) => text(payload)),
      ['first', 'second', 'third'],
    )
    await subscription.close()
  },

  'when the effects fail nothing is stored, and the next append takes the numbers': async (parts) => {
    await append(parts, [{ stream: 'a', entries: entries('x') }])
    const failing = append(parts, [{ stream: 'a', entries: entries('y') }], () => {
      throw new RangeError('refused')
    })
    await rejects(failing, { message: 'refused' })
    same(await contents(parts, 'a'), ['1 x'])
    const [appended] = await append(parts, [{ stream: 'a', entries: entries('y') }])
    same(appended, [{ seq: 2, repeated: false }])
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
