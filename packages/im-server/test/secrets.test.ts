import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TemporaryFolder, temporaryFolder } from '@parlance/testing'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { ConfigError } from '../src/config-error.ts'
import { loadSecrets } from '../src/secrets.ts'

const disk = vi.hoisted(() => ({ calls: [] as string[], failsAt: Number.POSITIVE_INFINITY }))

// Every call that changes the disk is counted, and from a given one on fails, as for a process that is killed there.
vi.mock('node:fs', async (importOriginal) => {
  const real = await importOriginal<Record<string, (...values: unknown[]) => unknown>>()
  const changing = [
    'openSync',
    'writeSync',
    'writeFileSync',
    'fsyncSync',
    'closeSync',
    'linkSync',
    'renameSync',
    'rmSync',
  ]
  const counted = changing.map((name) => [
    name,
    (...values: unknown[]) => {
      if (disk.calls.push(name) > disk.failsAt) throw new Error('the process has ended')
      return real[name]!(...values)
    },
  ])
  return { ...real, ...(Object.fromEntries(counted) as object) }
})

let folder: TemporaryFolder
let dataDir: string

beforeEach(() => {
  disk.failsAt = Number.POSITIVE_INFINITY
  folder = temporaryFolder()
  dataDir = join(folder.path, 'data')
  disk.calls.length = 0
})

afterEach(() => {
  disk.failsAt = Number.POSITIVE_INFINITY
  folder.remove()
})

it('are made once, for their owner only, and nothing else is left in the folder', () => {
  const made = loadSecrets(dataDir, undefined)
  expect(made.adminSecret).toHaveLength(43)
  expect(made.tokenKey).not.toBe(made.adminSecret)
  expect(loadSecrets(dataDir, undefined)).toEqual(made)
  expect(readdirSync(dataDir).toSorted()).toEqual(['admin.secret', 'token.key'])
  for (const name of readdirSync(dataDir)) expect(statSync(join(dataDir, name)).mode & 0o077).toBe(0)
})

it('a first start that ends anywhere leaves a secret whole or not at all, and the next one works', () => {
  loadSecrets(join(folder.path, 'undisturbed'), undefined)
  const callCount = disk.calls.length
  expect(callCount).toBeGreaterThan(10)
  for (let survivingCount = 0; survivingCount < callCount; survivingCount++) {
    const own = join(folder.path, `killed after ${survivingCount}`)
    disk.calls.length = 0
    disk.failsAt = survivingCount
    expect(() => loadSecrets(own, undefined)).toThrow(ConfigError)
    disk.failsAt = Number.POSITIVE_INFINITY
    const left = readdirSync(own).filter((name) => name === 'admin.secret' || name === 'token.key')
    const before = left.map((name) => [name, readFileSync(join(own, name), 'utf8')])
    for (const [, secret] of before) expect(secret).toHaveLength(43)
    loadSecrets(own, undefined)
    expect(left.map((name) => [name, readFileSync(join(own, name), 'utf8')])).toEqual(before)
  }
})

it('a secret is flushed before it is there, and its name afterwards', () => {
  loadSecrets(dataDir, 'an admin secret of its own')
  const linkedAt = disk.calls.indexOf('linkSync')
  expect(disk.calls.slice(0, linkedAt)).toContain('fsyncSync')
  expect(disk.calls.slice(linkedAt)).toContain('fsyncSync')
})

it('a damaged one is refused with the cure, never replaced', () => {
  mkdirSync(dataDir)
  writeFileSync(join(dataDir, 'token.key'), '')
  expect(() => loadSecrets(dataDir, undefined)).toThrow(/token\.key is empty or damaged: remove it/)
  expect(readFileSync(join(dataDir, 'token.key'), 'utf8')).toBe('')
})
