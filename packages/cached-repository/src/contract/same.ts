import { deepEqual } from 'node:assert/strict'

/** Compares values, not classes: a row may have a prototype of its own, and its dates too. */
export function same(actual: unknown, expected: unknown): void {
  deepEqual(plain(actual), plain(expected))
}

function plain(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Date) return { date: value.getTime() }
  if (Array.isArray(value)) return value.map(plain)
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, plain(item)]))
}
