import { appendFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from '@parlance/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { mergeLogs, parseLog, readFrom, renderLine } from '../src/log-lines.ts'

const json = (second: number, msg: string, more: object = {}): string =>
  JSON.stringify({ level: 30, time: new Date(second * 1000).toISOString(), ...more, msg })

describe('lines of logs', () => {
  it('without a time stay with the line before, and each process keeps its order', () => {
    const api = parseLog('api', [json(1, 'a'), 'a trace', '  of it', json(4, 'b')].join('\n'), 0)
    const push = parseLog('push', ['first words', json(2, 'c'), json(1, 'a clock set back')].join('\n'), 500)
    expect(
      mergeLogs([api, push]).map(({ text }) =>
        text.startsWith('{') ? (JSON.parse(text) as { msg: string }).msg : text,
      ),
    ).toEqual(['first words', 'a', 'a trace', '  of it', 'a clock set back', 'c', 'b'])
  })

  it('are shown with time, process, level, message and the rest', () => {
    const paint = (_: string, text: string): string => text
    const [line] = parseLog('api-1', json(0, 'slow', { level: 40, tookMs: 12 }), 0)
    expect(renderLine(line!, 9, paint)).toBe('1970-01-01T00:00:00.000Z api-1     warn  slow {"tookMs":12}')
    expect(renderLine({ process: 'api', timeMs: 0, text: '{half' }, 3, paint)).toBe(
      '1970-01-01T00:00:00.000Z api {half',
    )
  })
})

describe('reading a log', () => {
  const folder = { path: '', remove: () => undefined as void }
  let path: string
  beforeEach(() => {
    Object.assign(folder, temporaryFolder())
    path = join(folder.path, 'a.log')
  })
  afterEach(() => folder.remove())

  it('gives whole lines, and goes on where it ended', () => {
    expect(readFrom(path, 0, 100)).toEqual({ text: '', end: 0 })
    writeFileSync(path, 'one\ntwo\nthr')
    expect(readFrom(path, 0, 100)).toEqual({ text: 'one\ntwo\n', end: 8 })
    appendFileSync(path, 'ee\n')
    expect(readFrom(path, 8, 100)).toEqual({ text: 'three\n', end: 14 })
    expect(readFrom(path, 14, 100)).toEqual({ text: '', end: 14 })
  })

  it('gives the newest lines of a long one, whole', () => {
    writeFileSync(path, 'one\ntwo\nthree\n')
    expect(readFrom(path, 0, 8)).toEqual({ text: 'three\n', end: 14 })
  })

  it('begins anew when the file was put aside', () => {
    writeFileSync(path, 'new\n')
    expect(readFrom(path, 100, 100)).toEqual({ text: 'new\n', end: 4 })
  })
})
