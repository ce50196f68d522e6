import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { until } from '@parlance/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fakeRole, isAlive, Parlance, type Said } from './support/parlance.ts'

describe('parlance, with a process for each role', () => {
  let parlance: Parlance
  const environment = { PARLANCE_STOP_DEADLINE_MS: '10000' }
  const start = (given: readonly string[], more: NodeJS.ProcessEnv = {}): Promise<Said> =>
    parlance.call(['start', ...given, '--program', fakeRole, '--api-port', '0', '--ws-port', '0'], {
      ...environment,
      ...more,
    })
  const names = (): string[] => parlance.records().map(({ name }) => name)

  beforeEach(() => {
    parlance = new Parlance()
  })
  afterEach(() => parlance.end())

  it('starts any number of each, shows them together, and stops some or all', async () => {
    expect((await start(['gateway', 'api', 'transfer', '--count', '2'])).code).toBe(0)
    const all = ['api-1', 'api-2', 'gateway-1', 'gateway-2', 'transfer-1', 'transfer-2']
    expect(names()).toEqual(all)
    const status = await parlance.call(['status'])
    expect(status.out).toMatch(/^gateway-2 +ready +\d+ +\d+ s +3 +http/m)
    expect(status.out).toMatch(/^a\.topic +a group +7 +transfer-1$/m)
    expect((await parlance.call(['check', 'gateway', 'api-2'])).code).toBe(0)
    expect((await parlance.call(['check', 'push'])).out).toBe(
      "no push runs here: start it with 'parlance start push'\n",
    )

    expect((await start(['gateway', '--count', '3'])).out).toMatch(/gateway-1 runs already[^]*gateway-3 is ready/)
    expect((await start([])).err).toContain("run 'parlance stop' first")

    const stopped = await parlance.call(['stop', 'gateway-2', 'api'])
    expect(stopped.out.trim().split('\n').toSorted()).toEqual([
      'api-1 has stopped',
      'api-2 has stopped',
      'gateway-2 has stopped',
    ])
    expect(names()).toEqual(['gateway-1', 'gateway-3', 'transfer-1', 'transfer-2'])
    const order = (await parlance.call(['stop'])).out
    expect(order.indexOf('gateway-3')).toBeLessThan(order.indexOf('transfer-1'))
    expect(names()).toEqual([])
  })

  it.each([
    [
      'one that cannot start',
      { FAKE_FAILS: 'gateway' },
      ['60s'],
      /gateway-1 ended \(exit code 1\)\nParlance could not run: there is no such host/,
    ],
    [
      'one that is not ready in time',
      { FAKE_UNREADY: 'gateway' },
      ['2s'],
      /gateway-1 was not ready within 2 s: bus: Kafka does not answer/,
    ],
  ])('%s: nothing is half-started', async (_, fault, [timeout], words) => {
    await start(['push'])
    const { code, err } = await start(['api', 'transfer', 'gateway', '--timeout', timeout!], fault)
    expect(code).toBe(1)
    expect(err).toMatch(words)
    expect(err).toContain('stopping transfer-1 again')
    expect(names()).toEqual(['push-1'])
    expect(isAlive(parlance.records()[0]!.pid)).toBe(true)
  })

  it('an interrupted start leaves nothing', async () => {
    const given = ['start', 'transfer', 'gateway', '--program', fakeRole, '--api-port', '0', '--ws-port', '0']
    const starting = parlance.begin(given, { ...environment, FAKE_UNREADY: 'gateway' })
    await until('the second one is started', () => names().includes('gateway-1'))
    const pids = parlance.records().map(({ pid }) => pid)
    starting.signal('SIGINT')
    expect(await starting.ended).toBe(1)
    expect(starting.said.err).toContain('interrupted')
    expect(names()).toEqual([])
    expect(pids.filter(isAlive)).toEqual([])
  })

  it('what does not drain is killed after its time, which the exit code tells', async () => {
    await start(['push', 'cron'], { FAKE_HANGS: 'push', PARLANCE_STOP_DEADLINE_MS: '100' })
    const { pid } = parlance.records().find(({ name }) => name === 'push-1')!
    const { code, out } = await parlance.call(['stop'])
    expect(code).toBe(1)
    expect(out).toMatch(/push-1 \(process \d+\) did not stop within 0\.1 s and was killed/)
    expect(out).toContain('cron-1 has stopped')
    expect(isAlive(pid)).toBe(false)
  })

  it('a start whose reader has gone goes on to its end', async () => {
    const given = ['start', 'transfer', 'push', 'gateway', '--program', fakeRole, '--api-port', '0', '--ws-port', '0']
    const starting = parlance.begin(given, environment)
    starting.closeOutput()
    expect(await starting.ended).toBe(0)
    expect(names()).toEqual(['gateway-1', 'push-1', 'transfer-1'])
    const stopping = parlance.begin(['stop'])
    stopping.closeOutput()
    expect(await stopping.ended).toBe(0)
    expect(names()).toEqual([])
  })

  it.skipIf(process.platform === 'win32')('a start whose terminal is closed leaves nothing', async () => {
    const given = ['start', 'transfer', 'gateway', '--program', fakeRole, '--api-port', '0', '--ws-port', '0']
    const starting = parlance.begin(given, { ...environment, FAKE_UNREADY: 'gateway' })
    await until('the second one is started', () => names().includes('gateway-1'))
    const pids = parlance.records().map(({ pid }) => pid)
    starting.signal('SIGHUP')
    expect(await starting.ended).toBe(1)
    expect(names()).toEqual([])
    expect(pids.filter(isAlive)).toEqual([])
  })

  it('stop names what does not run, and refuses what means nothing and what does more', async () => {
    await start(['gateway', 'push'])
    const wrong = await parlance.call(['stop', 'gateway', 'transfr'])
    expect(wrong).toMatchObject({ code: 2, err: expect.stringContaining("no role or process 'transfr'") as string })
    expect((await parlance.call(['check', 'transfr'])).code).toBe(2)
    expect(names()).toEqual(['gateway-1', 'push-1'])
    const some = await parlance.call(['stop', 'gateway', 'cron', 'push-2'])
    expect(some.out).toBe('No cron runs here.\nNo push-2 runs here.\ngateway-1 has stopped\n')
    await parlance.call(['stop'])
    expect((await parlance.call(['stop', 'transfr'])).code).toBe(2)
  })

  it('what is missing is started by the command that check says', async () => {
    await start(['gateway', '--count', '2'])
    const { pid } = parlance.records().find(({ name }) => name === 'gateway-2')!
    process.kill(pid, 'SIGKILL')
    await until('it is gone', () => !isAlive(pid))
    expect((await parlance.call(['check'])).out).toMatch(
      /gateway-2 has ended by itself.*'parlance start gateway --count 2'/,
    )
    expect((await start(['gateway', '--count', '2'])).code).toBe(0)
    expect((await parlance.call(['check'])).code).toBe(0)
    await parlance.call(['stop', 'gateway-2'])
    expect((await parlance.call(['check', 'gateway-2'])).out).toContain("'parlance start gateway --count 2'")
  })

  it('logs end well when their reader has read enough', async () => {
    await start(['cron'])
    const line = `${JSON.stringify({ level: 30, time: new Date().toISOString(), msg: 'x'.repeat(1000) })}\n`
    appendFileSync(join(parlance.run, 'cron-1.log'), line.repeat(5_000))
    const reading = parlance.begin(['logs', '-n', '5000'])
    reading.closeOutput()
    expect(await reading.ended).toBe(0)
    expect(reading.said.err).toBe('')
  })

  it('logs are one, by time, and go on as they are written', async () => {
    await start(['push', 'cron'])
    const lines = (await parlance.call(['logs'])).out.trim().split('\n')
    const works = lines.filter((line) => line.endsWith('works'))
    expect(works).toHaveLength(2)
    expect(lines.map((line) => line.slice(0, 24))).toEqual(lines.map((line) => line.slice(0, 24)).toSorted())
    expect((await parlance.call(['logs', 'push'])).out).not.toContain('cron-1')
    expect((await parlance.call(['logs', '-n', '1'])).out.trim().split('\n')).toHaveLength(1)

    const following = parlance.begin(['logs', 'cron', '-f', '-n', '0'])
    await until('what comes now is shown', () => {
      const line = { level: 50, time: new Date().toISOString(), msg: 'the sweep failed', attempt: 2 }
      appendFileSync(join(parlance.run, 'cron-1.log'), `${JSON.stringify(line)}\n`)
      return following.said.out.includes('cron-1 error the sweep failed {"attempt":2}')
    })
    following.signal('SIGINT')
    expect(await following.ended).toBe(0)
  })
})
