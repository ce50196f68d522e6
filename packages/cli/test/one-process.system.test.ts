import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { until } from '@parlance/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isAlive, Parlance } from './support/parlance.ts'

describe('parlance, with the server as one process', () => {
  let parlance: Parlance

  beforeEach(() => {
    parlance = new Parlance()
  })
  afterEach(() => parlance.end())

  it('start, status, check, logs, doctor, stop', async () => {
    const started = await parlance.call(['start'])
    expect(started).toMatchObject({ code: 0 })
    const [record] = parlance.records()
    expect(started.out).toContain(`all is ready`)
    expect(started.out).toContain(record!.addresses['api'])
    expect((await fetch(`${record!.addresses['api']}/healthz`)).ok).toBe(true)

    const status = await parlance.call(['status'])
    expect(status.code).toBe(0)
    expect(status.out).toMatch(/^all +ready +\d+ +\d+ s +0 +http:/m)
    expect(status.out).toMatch(/^store +ok +all$/m)
    expect(status.out).toMatch(/^message\.push +push +0 +all$/m)
    expect(status.out).not.toContain('\u001B')
    const { processes } = JSON.parse((await parlance.call(['status', '--json'])).out) as { processes: object[] }
    expect(processes).toMatchObject([{ name: 'all', state: 'ready', sessions: 0, dependencies: { store: 'ok' } }])

    expect(await parlance.call(['check'])).toMatchObject({ code: 0, out: 'ready: all\n' })
    expect(await parlance.call(['check', 'gateway'])).toMatchObject({ code: 0, out: 'ready: all\n' })
    expect((await parlance.call(['check', 'gateway-2'])).code).toBe(1)

    const logs = await parlance.call(['logs', '--since', '10m'])
    expect(logs.out).toMatch(/^\d{4}-\S+Z all info {2}started in the background$/m)
    expect(logs.out).toMatch(/ready \{"roles"/)
    expect(await parlance.call(['logs', 'gateway', '--since', '10m'])).toEqual(logs)
    expect((await parlance.call(['stop', 'gateway'])).err).toContain('every role in one process')

    const port = new URL(record!.addresses['api']!).port
    const doctor = await parlance.call(['doctor', '--api-port', port])
    expect(doctor.out).toContain(`${port}, used by all, which runs here`)
    expect(doctor.code).toBe(0)

    expect(await parlance.call(['stop'])).toMatchObject({ code: 0, out: 'all has stopped\n' })
    expect(isAlive(record!.pid)).toBe(false)
    expect(parlance.records()).toEqual([])
    expect((await parlance.call(['logs'])).out).toContain('Parlance has stopped.')
    expect(await parlance.call(['stop'])).toMatchObject({ code: 0, out: 'Nothing runs here.\n' })
    expect((await parlance.call(['check'])).code).toBe(1)
  })

  it('a second start leaves the first alone', async () => {
    await parlance.call(['start'])
    const [before] = parlance.records()
    const again = await parlance.call(['start'])
    expect(again.code).toBe(0)
    expect(again.out).toContain(`all runs already (process ${before!.pid})`)
    expect(parlance.records()).toEqual([before])
  })

  it('a start that was killed before it noted the addresses is mended by the next one', async () => {
    await parlance.call(['start'])
    const [record] = parlance.records()
    writeFileSync(join(parlance.run, 'all.json'), JSON.stringify({ ...record, addresses: {} }))
    expect((await parlance.call(['check'])).code).toBe(1)
    expect((await parlance.call(['start'])).code).toBe(0)
    expect(parlance.records()).toEqual([record])
    expect((await parlance.call(['check'])).code).toBe(0)
  })

  it.skipIf(process.platform === 'win32')(
    'a start says so when what runs already is not ready, and leaves it',
    async () => {
      await parlance.call(['start'])
      const [record] = parlance.records()
      process.kill(record!.pid, 'SIGSTOP')
      const again = await parlance.call(['start', '--timeout', '1s'])
      process.kill(record!.pid, 'SIGCONT')
      expect(again.code).toBe(1)
      expect(again.err).toMatch(/all runs already \(process \d+\) and is not ready: no answer.*'parlance stop all'/)
      expect((await parlance.call(['start'])).code).toBe(0)
      expect(parlance.records()).toEqual([record])
    },
  )

  it('two starts at the same time are one', async () => {
    const both = await Promise.all([parlance.call(['start']), parlance.call(['start'])])
    expect(both.map(({ code }) => code)).toContain(0)
    expect(parlance.records()).toHaveLength(1)
    const refused = both.find(({ code }) => code === 1)
    if (refused !== undefined) expect(refused.err).toContain('another parlance command')
    expect((await parlance.call(['check'])).code).toBe(0)
  })

  it('a port in use: the cure, and nothing is left', async () => {
    const occupant = createServer()
    await new Promise<void>((resolve) => occupant.listen(0, '127.0.0.1', resolve))
    const { port } = occupant.address() as AddressInfo
    const { code, err } = await parlance.call(['start', '--api-port', String(port)])
    expect(code).toBe(1)
    expect(err).toMatch(/Parlance could not run: cannot listen on .*: another program has it: .*PARLANCE_API_PORT/)
    expect(parlance.records()).toEqual([])
    const doctor = await parlance.call(['doctor', '--api-port', String(port), '--json'])
    expect(doctor.code).toBe(1)
    const { findings } = JSON.parse(doctor.out) as { findings: { subject: string; isGood: boolean; says: string }[] }
    expect(findings.filter(({ isGood }) => !isGood)).toMatchObject([
      { subject: 'API port', says: expect.stringContaining('choose another port') as string },
    ])
    occupant.close()
  })

  it("a bad configuration: the server's own words, before anything is started", async () => {
    const secret = { PARLANCE_SECRET: 'tooshort' }
    const { code, err } = await parlance.call(['start'], secret)
    expect(code).toBe(1)
    expect(err).toMatch(/^parlance: the configuration is wrong: secret \(PARLANCE_SECRET\)/)
    expect(err).not.toContain('tooshort')
    expect(err).not.toContain('starting')
    const doctor = await parlance.call(['doctor'], secret)
    expect(doctor.code).toBe(1)
    expect(doctor.out).toMatch(/^wrong +configuration +.*PARLANCE_SECRET/m)
    const role = await parlance.call(['start', 'gateway'])
    expect(role.code).toBe(1)
    expect(role.err).toContain('PARLANCE_MONGO_URL')
  })

  it('a bad setting in a file that names the data folder: what runs there is still found', async () => {
    await parlance.call(['start'])
    const file = join(parlance.dataDir, 'settings.json')
    writeFileSync(file, JSON.stringify({ dataDir: parlance.dataDir, secret: 'tooshort' }))
    const environment = { PARLANCE_CONFIG: file, PARLANCE_DATA_DIR: '' }
    expect((await parlance.call(['check'], environment)).out).toBe('ready: all\n')
    expect((await parlance.call(['stop'], environment)).out).toBe('all has stopped\n')
    const unreadable = await parlance.call(['stop'], { ...environment, PARLANCE_CONFIG: `${file}.not` })
    expect(unreadable.code).toBe(1)
    expect(unreadable.err).toContain('cannot be read (ENOENT)')
    const doctor = await parlance.call(['doctor'], { ...environment, PARLANCE_CONFIG: `${file}.not` })
    expect(doctor.code).toBe(1)
    expect(doctor.out).toMatch(/^wrong +configuration +.*cannot be read/m)
  })

  it('wrong words: exit code 2, and what would be right', async () => {
    const role = await parlance.call(['start', 'postman'])
    expect(role.code).toBe(2)
    expect(role.err).toContain("there is no role 'postman': name some of transfer,")
    expect((await parlance.call(['start', 'api', '--count', 'many'])).code).toBe(2)
    expect((await parlance.call(['logs', '--since', 'yesterday'])).code).toBe(2)
    expect((await parlance.call(['begin'])).code).toBe(2)
    expect((await parlance.call(['help', 'start'])).code).toBe(0)
  })

  it('a record whose number another process has by now: that process is never touched', async () => {
    mkdirSync(parlance.run, { recursive: true })
    const stale = {
      name: 'all',
      roles: ['all'],
      pid: process.pid,
      identity: 'of a process that is gone',
      addresses: { api: 'http://127.0.0.1:1' },
      logFile: join(parlance.run, 'all.log'),
      startedAt: new Date(0).toISOString(),
      stopDeadlineMs: 1_000,
    }
    writeFileSync(join(parlance.run, 'all.json'), JSON.stringify(stale))
    expect((await parlance.call(['status'])).out).toMatch(/^all +ended/m)
    const check = await parlance.call(['check'])
    expect(check).toMatchObject({ code: 1, out: expect.stringContaining('all has ended by itself') as string })
    // This process has that number: it would have been told to stop.
    expect(await parlance.call(['stop'])).toMatchObject({ code: 0, out: 'all was not running any more\n' })
    writeFileSync(join(parlance.run, 'all.json'), JSON.stringify(stale))
    expect((await parlance.call(['start'])).code).toBe(0)
    expect(parlance.records()[0]!.pid).not.toBe(process.pid)
    expect((await parlance.call(['stop'])).out).toBe('all has stopped\n')
  })

  it('a process that was killed is told by check, and started anew', async () => {
    await parlance.call(['start'])
    const { pid } = parlance.records()[0]!
    process.kill(pid, 'SIGKILL')
    await until('it is gone', () => !isAlive(pid))
    const check = await parlance.call(['check', '--json'])
    expect(check.code).toBe(1)
    expect(JSON.parse(check.out)).toMatchObject({
      healthy: false,
      problems: [expect.stringContaining('ended by itself')],
    })
    expect((await parlance.call(['start'])).code).toBe(0)
    expect((await parlance.call(['check'])).code).toBe(0)
  })

  it('runs in the foreground, and stops on a signal', async () => {
    const running = parlance.begin(['start', '--foreground'])
    await until('it runs', () => running.said.out.includes('Ctrl-C'))
    expect(parlance.records()).toEqual([])
    running.signal('SIGTERM')
    expect(await running.ended).toBe(0)
    expect(running.said.out).toContain('Parlance has stopped.')
  })
})
