import { InvalidArgumentError } from '@parlance/core'
import type { SqliteValue } from './driver.ts'

const quotedOrComment = /'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]|--[^\n]*|\/\*[\s\S]*?\*\//g

/** Whether a statement writes its parameters as `?1`, `?2`, …. */
export const hasNumberedParameters = (sql: string): boolean => /\?\d/.test(sql.replace(quotedOrComment, ' '))

/** How many parameters a statement takes: `?`, or `?1`, `?2`, … where one number may occur several times. */
export function countParameters(sql: string): number {
  const bare = sql.replace(quotedOrComment, ' ')
  if (/[:@$][A-Za-z_]/.test(bare))
    throw new InvalidArgumentError(`named parameters are not supported, write ? or ?1: ${sql}`)
  if (/\?\d/.test(bare) && /\?(?!\d)/.test(bare))
    throw new InvalidArgumentError(`write all parameters as ? or all as ?1, ?2, …: ${sql}`)
  let count = 0
  for (const [, number] of bare.matchAll(/\?(\d*)/g))
    count = Math.max(count, number === '' || number === undefined ? count + 1 : Number(number))
  return count
}

/**
 * Refuses what the libraries under us would store wrongly or die of.
 *
 * libsql keeps the previous call's value for a missing parameter, stores NaN as NULL, cuts text at a NUL on the way back,
 * and ends the whole process when given a boolean.
 */
export function assertParameters(sql: string, expectedCount: number, parameters: readonly unknown[]): void {
  if (parameters.length !== expectedCount)
    throw new InvalidArgumentError(`${expectedCount} parameters expected, ${parameters.length} given: ${sql}`)
  for (const [index, value] of parameters.entries()) {
    if (!isStorable(value))
      throw new InvalidArgumentError(
        `parameter ${index + 1} must be text without NUL, a finite number, bytes or null, not ${describe(value)}: ${sql}`,
      )
  }
}

function isStorable(value: unknown): value is SqliteValue {
  if (typeof value === 'string') return !value.includes('\0')
  if (typeof value === 'number') return Number.isFinite(value)
  return value === null || value instanceof Uint8Array
}

const describe = (value: unknown): string =>
  typeof value === 'number' ? String(value) : typeof value === 'string' ? 'text with a NUL' : typeof value
