import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import type { Timestamp } from '@parlance/core'
import type { Paint } from './terminal.ts'

/** One line of a log. */
export interface LogLine {
  readonly process: string
  /** Of lines without a time: that of the line before. */
  readonly timeMs: Timestamp
  readonly text: string
}

/** A piece of a file, and where the next one begins. */
export interface Piece {
  readonly text: string
  readonly end: number
}

/**
 * Reads whole lines of a file from a place on, at most `limitBytes` of them: then the newest. A file that is not there is empty; one
 * that became shorter is read from its beginning.
 */
export function readFrom(path: string, beginning: number, limitBytes: number): Piece {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { text: '', end: 0 }
    throw error
  }
  try {
    const { size } = fstatSync(file)
    const wanted = size < beginning ? 0 : beginning
    const from = Math.max(wanted, size - limitBytes)
    const bytes = Buffer.alloc(size - from)
    const whole = bytes.subarray(0, readSync(file, bytes, 0, bytes.length, from))
    const last = whole.lastIndexOf(10) + 1
    // What was cut off in front is the rest of a line.
    const first = from === wanted ? 0 : whole.indexOf(10) + 1
    return { text: whole.toString('utf8', first, Math.max(first, last)), end: from + last }
  } finally {
    closeSync(file)
  }
}

/** Takes a log apart. Lines without a time belong to the line before; the first ones have `firstMs`. */
export function parseLog(process: string, text: string, firstMs: Timestamp): LogLine[] {
  let timeMs = firstMs
  return text.split('\n').flatMap((line) => {
    if (line === '') return []
    const { time } = fieldsOf(line) ?? {}
    const parsed = typeof time === 'string' ? Date.parse(time) : Number.NaN
    if (!Number.isNaN(parsed)) timeMs = parsed
    return [{ process, timeMs, text: line }]
  })
}

/** One log of several, by time; lines of one process stay in their order. */
export const mergeLogs = (logs: readonly (readonly LogLine[])[]): LogLine[] =>
  logs.flat().toSorted((a, b) => a.timeMs - b.timeMs)

const levels: Readonly<Record<number, string>> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'error',
  60: 'fatal',
}

/** A line for people: time, process, level, message, and the rest as it is. */
export function renderLine({ process, timeMs, text }: LogLine, width: number, paint: Paint): string {
  const beginning = `${paint('dim', new Date(timeMs).toISOString())} ${paint('strong', process.padEnd(width))}`
  const fields = fieldsOf(text)
  if (fields === undefined) return `${beginning} ${text}`
  const { level, time: _time, msg, parlance, ...others } = fields
  const message = parlance === 'ready' ? 'ready' : typeof msg === 'string' ? msg : ''
  const name = levels[Number(level)] ?? 'info'
  const shown = name === 'error' || name === 'fatal' ? paint('bad', name.padEnd(5)) : name.padEnd(5)
  const rest = Object.keys(others).length === 0 ? '' : ` ${paint('dim', JSON.stringify(others))}`
  return `${beginning} ${shown} ${message}${rest}`
}

function fieldsOf(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined
  try {
    return JSON.parse(line) as Record<string, unknown>
  } catch {
    // A line of something else that begins likewise is shown as it is.
    return undefined
  }
}
