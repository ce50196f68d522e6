import type { Bytes } from '@parlance/core'

/** One message of the channel: keys that are no longer true, or none, as a sign of life. */
export interface Announcement {
  /** Names one run of one process. */
  readonly publisher: string
  /** Its messages with keys are numbered from 1; a sign of life repeats the last number. */
  readonly number: number
  readonly keys: readonly string[]
  /** The publisher says that this was its last. */
  readonly isLast: boolean
}

export function encodeAnnouncement({ publisher, number, keys, isLast }: Announcement): string {
  return JSON.stringify([publisher, number, isLast ? 1 : 0, ...keys])
}

/** @returns undefined for what is no announcement. */
export function decodeAnnouncement(bytes: Uint8Array): Announcement | undefined {
  let words: unknown
  try {
    words = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString())
  } catch {
    return undefined
  }
  if (!Array.isArray(words)) return undefined
  const [publisher, number, last, ...keys] = words as unknown[]
  if (typeof publisher !== 'string' || !Number.isSafeInteger(number)) return undefined
  if (!keys.every((key) => typeof key === 'string')) return undefined
  return { publisher, number: number as number, keys, isLast: last === 1 }
}

/** Cuts keys into lists that take at most `maxBytes` each; a key that is larger alone has a list of its own. */
export function cutKeys(keys: readonly string[], maxBytes: Bytes): string[][] {
  const lists: string[][] = []
  let list: string[] = []
  let usedBytes = 0
  for (const key of keys) {
    const sizeBytes = Buffer.byteLength(JSON.stringify(key)) + 1
    if (list.length > 0 && usedBytes + sizeBytes > maxBytes) {
      lists.push(list)
      list = []
      usedBytes = 0
    }
    list.push(key)
    usedBytes += sizeBytes
  }
  if (list.length > 0) lists.push(list)
  return lists
}
