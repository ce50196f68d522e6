import type { Milliseconds } from '@parlance/core'
import { UsageError } from './cli-error.ts'

const units: Readonly<Record<string, Milliseconds>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/**
 * Reads a time such as `90s`, `10m`, `2h` or `1d`.
 *
 * @throws UsageError for anything else.
 */
export function parseDuration(text: string): Milliseconds {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text.trim()) ?? []
  if (amount === undefined || unit === undefined)
    throw new UsageError(`'${text}' is no time: write a number and a unit, for example 90s, 10m, 2h or 1d`)
  return Number(amount) * units[unit]!
}

/** Says a time as people do: `3 s`, `12 min`, `2 h 5 min`, `3 d 4 h`. */
export function describeDuration(durationMs: Milliseconds): string {
  const seconds = Math.max(0, Math.floor(durationMs / 1000))
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  if (hours < 24) return `${hours} h ${minutes % 60} min`
  return `${Math.floor(hours / 24)} d ${hours % 24} h`
}
