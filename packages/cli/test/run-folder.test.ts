import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TemporaryFolder, temporaryFolder, until } from '@parlance/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { processIdentity } from '../src/process-identity.ts'
import { isRunning, type ProcessRecord, RunFolder } from '../src/run-folder.ts'
import { assertMeaningful, selectProcesses } from '../src/selection.ts'
import { findUpwards } from '../src/workspace.ts'

describe('what is kept of processes', () => {
  let folder: TemporaryFolder
  let run: RunFolder
  const record: ProcessRecord = {
    name: 'api-1',
    roles: ['api'],
    pid: process.pid,
    identity: processIdentity(process.pid)!,
    addresses: { api: 'http://127.0.0.1:10002' },
    logFile: 'api-1.log',
    startedAt: new Date(0).toISOString(),
    stopDeadlineMs: 10_000,
  }

  beforeEach(() => {
    folder = temporaryFolder()
    run = new RunFolder(folder.path)
  })
  afterEach(() => folder.remove())

  it('nothing is made by looking', () => {
    expect(run.records()).toEqual([])
    expect(run.logNames()).toEqual([])
    expect(existsSync(run.path)).toBe(false)
  })

  it('a record is read as it was written, and goes when it is removed', async () => {
    await run.changing(async () => run.write(record))
    expect(run.records()).toEqual([record])
    run.remove('api-1')
    expect(run.records()).toEqual([])
  })

  it('machines that share a data folder leave each other’s processes and locks alone', async () => {
    const [one, other] = [new RunFolder(folder.path, 'one'), new RunFolder(folder.path, 'other')]
    await one.changing(async () => {
      one.write(record)
      await other.changing(async () => {
        expect(other.records()).toEqual([])
        other.write({ ...record, pid: 1 })
        other.remove('api-1')
      })
    })
    expect(one.records()).toEqual([record])
    expect(one.logFile('api-1')).not.toBe(other.logFile('api-1'))
  })

  it.skipIf(process.platform === 'win32')('is for its owner only', async () => {
    await run.changing(async () => run.write(record))
    expect(statSync(run.path).mode & 0o777).toBe(0o700)
    expect(statSync(join(run.path, 'api-1.json')).mode & 0o777).toBe(0o600)
  })

  it.each(['', '{', '{}', '{"name":"x"}'])('a record that says %j is refused with its path', (text) => {
    mkdirSync(run.path, { recursive: true })
    writeFileSync(join(run.path, 'x.json'), text)
    expect(() => run.records()).toThrow(/x\.json does not say which process runs.*then delete that file/)
  })

  it('changes are made one at a time; after a crash the next one goes on', async () => {
    const refused = run.changing(() => run.changing(async () => undefined))
    await expect(refused).rejects.toThrow(/another parlance command \(process \d+\) starts or stops here/)
    writeFileSync(join(run.path, 'lock'), `${process.pid}\nof a process that is gone\n`)
    expect(await run.changing(async () => 'done')).toBe('done')
    expect(existsSync(join(run.path, 'lock'))).toBe(false)
  })

  it('only its own lock is removed: one that another command has by then stays', async () => {
    const lock = join(run.path, 'lock')
    await run.changing(async () => writeFileSync(lock, 'of another command\n'))
    expect(readFileSync(lock, 'utf8')).toBe('of another command\n')
  })

  it('a lock is taken over from the dead by one at a time; nothing of that is left', async () => {
    mkdirSync(run.path, { recursive: true })
    const lock = join(run.path, 'lock')
    const dead = 'of the dead\n'
    writeFileSync(lock, dead)
    const right = `${lock}.${createHash('sha256').update(dead).digest('hex').slice(0, 16)}`
    writeFileSync(right, `${process.pid}\n${processIdentity(process.pid)}\n`)
    await expect(run.changing(async () => undefined)).rejects.toThrow(/another parlance command/)
    expect(readFileSync(lock, 'utf8')).toBe(dead)
    writeFileSync(right, 'of one that died while it took over\n')
    expect(await run.changing(async () => 'done')).toBe('done')
    expect(readdirSync(run.path)).toEqual([])
  })

  it('a folder that cannot be made: the cure', async () => {
    writeFileSync(join(folder.path, 'file'), '')
    const wrong = new RunFolder(join(folder.path, 'file'))
    await expect(wrong.changing(async () => undefined)).rejects.toThrow(/PARLANCE_DATA_DIR/)
  })

  it('a long log is put aside, a short one goes on', () => {
    mkdirSync(run.path, { recursive: true })
    const path = run.logFile('api-1')
    writeFileSync(path, 'short')
    run.rotateLog('api-1')
    expect(existsSync(path)).toBe(true)
    truncateSync(path, 17 * 1024 * 1024)
    run.rotateLog('api-1')
    expect([existsSync(path), existsSync(`${path}.1`)]).toEqual([false, true])
    expect(run.logNames()).toEqual([])
  })

  it('a process is told from a later one with its number, and from one that ended', async () => {
    expect(isRunning(record)).toBe(true)
    expect(isRunning({ ...record, identity: 'another' })).toBe(false)
    const child = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000)'])
    const identity = await until('it has begun', () => processIdentity(child.pid!))
    expect(processIdentity(child.pid!)).toBe(identity)
    expect(identity).not.toBe(record.identity)
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await ended
    expect(processIdentity(child.pid!)).toBeUndefined()
  })

  it.skipIf(process.platform === 'linux')('a process is the same for whoever asks, wherever that is', () => {
    const zone = process.env['TZ']
    process.env['TZ'] = 'Asia/Tokyo'
    expect(processIdentity(process.pid)).toBe(record.identity)
    process.env['TZ'] = zone
  })

  it('a name that means nothing is refused', () => {
    for (const name of ['api', 'api-7', 'gateway', 'all', 'odd+name'])
      expect(() => assertMeaningful([{ name: 'odd+name', roles: [] }], [name])).not.toThrow()
    for (const name of ['gatewy', 'api-0', 'odd', 'gatewy-1'])
      expect(() => assertMeaningful([], ['api', name])).toThrow(`there is no role or process '${name}'`)
  })

  it('processes are named by themselves or by their roles', () => {
    const all = [record, { ...record, name: 'api-2' }, { ...record, name: 'push-1', roles: ['push'] }]
    const chosen = (...names: string[]): string[] => selectProcesses(all, names).map(({ name }) => name)
    expect(chosen()).toEqual(['api-1', 'api-2', 'push-1'])
    expect(chosen('api')).toEqual(['api-1', 'api-2'])
    expect(chosen('api-2', 'push')).toEqual(['api-2', 'push-1'])
    expect(chosen('cron')).toEqual([])
  })

  it('a workspace is the nearest folder upwards that has its files', () => {
    const deep = join(folder.path, 'a/b/c')
    mkdirSync(deep, { recursive: true })
    writeFileSync(join(folder.path, 'a/package.json'), '{}')
    expect(findUpwards(deep, ['package.json'])).toBe(join(folder.path, 'a'))
    expect(findUpwards(deep, ['package.json', 'no-such-file.json'])).toBeUndefined()
  })
})
