import { keyOf } from './push-record.ts'

/** Neighbouring items of one stream. */
export interface StreamRun<T> {
  readonly stream: string
  readonly items: readonly [T, ...T[]]
}

/**
 * Sorts items into what may happen at the same time and what must not: one group per key, a stream and its twin; within a group,
 * in the order given, runs of neighbours of one stream.
 */
export function runsByKey<T>(items: readonly T[], streamOf: (item: T) => string): readonly (readonly StreamRun<T>[])[] {
  const groups = new Map<string, { stream: string; items: [T, ...T[]] }[]>()
  for (const item of items) {
    const stream = streamOf(item)
    const key = keyOf(stream)
    const runs = groups.get(key)
    const last = runs?.at(-1)
    if (runs === undefined) groups.set(key, [{ stream, items: [item] }])
    else if (last?.stream === stream) last.items.push(item)
    else runs.push({ stream, items: [item] })
  }
  return [...groups.values()]
}
