import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { join } from 'node:path'
import { until } from '@parlance/testing'
import { canStart, startRedis } from '@parlance/testing/services'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ApiClient } from '../../im-server/test/support/api-client.ts'
import { RawClient } from '../../im-server/test/support/raw-client.ts'
import { dropNamespace, testServices } from '../../im-server/test/support/test-cluster.ts'
import { isAlive, Parlance, type Said } from './support/parlance.ts'

const services = testServices()
/** A text from one user to another, from a browser, in OpenIM's numbers. */
const text = { contentType: 101, sessionType: 1, senderPlatformID: 5 }
const everyRole = ['api', 'gateway', 'transfer', 'push', 'cron']

/** The real command and the real server: a process for each role, on MongoDB, Redis and Kafka. */
describe.skipIf(services === undefined)('parlance, with the real roles', () => {
  const namespace = `cli-${randomBytes(6).toString('hex')}`
  let parlance: Parlance
  let environment: NodeJS.ProcessEnv

  beforeEach(() => {
    parlance = new Parlance()
    environment = {
      PARLANCE_MONGO_URL: services!.mongoURL,
      PARLANCE_REDIS_URL: services!.redisURL,
      PARLANCE_KAFKA_BROKERS: services!.kafkaBrokers,
      PARLANCE_NAMESPACE: namespace,
      PARLANCE_KAFKA_PARTITIONS: '1',
      PARLANCE_START_WAIT_MS: '0',
    }
  })
  afterEach(() => parlance.end())
  afterAll(() => dropNamespace(services!, namespace))

  const call = (given: readonly string[], more: NodeJS.ProcessEnv = {}): Promise<Said> =>
    parlance.call(given, { ...environment, ...more })

  it('starts them, shows them, brings a message, and stops them', async () => {
    const started = await call(['start', ...everyRole])
    expect(started).toMatchObject({ code: 0 })
    const records = parlance.records()
    const names = everyRole.map((role) => `${role}-1`).toSorted()
    expect(records.map(({ name }) => name)).toEqual(names)
    const addressOf = (name: string, what: string): string =>
      records.find((record) => record.name === name)!.addresses[what]!

    const admin = await ApiClient.admin(
      addressOf('api-1', 'api'),
      readFileSync(join(parlance.dataDir, 'admin.secret'), 'utf8').trim(),
    )
    await admin.register('ada', 'bob')
    const token = await admin.userToken('bob', text.senderPlatformID)
    const bob = await RawClient.connect({ ws: addressOf('gateway-1', 'ws'), userID: 'bob', token })
    await admin.must('/msg/send_msg', {
      ...text,
      sendID: 'ada',
      recvID: 'bob',
      content: { content: 'through every role' },
    })
    await until('the message is pushed', () => bob.messages.length > 0)
    expect(Buffer.from(bob.messages[0]!.content).toString()).toContain('through every role')

    const status = await call(['status'])
    expect(status.code).toBe(0)
    for (const name of names) expect(status.out).toMatch(new RegExp(`^${name} +ready +\\d+`, 'm'))
    expect(status.out).toMatch(/^gateway-1 +ready +\d+ +\d+ s +1 +ws:/m)
    for (const dependency of ['mongodb', 'redis', 'kafka'])
      expect(status.out).toMatch(new RegExp(`^${dependency} +ok +${names.join(' ')}$`, 'm'))
    expect(status.out).toMatch(/^message\.accept +transfer +\d+ +transfer-1$/m)
    expect(status.out).toMatch(/^message\.push +push +\d+ +push-1$/m)
    expect((await call(['check', ...everyRole])).code).toBe(0)

    const again = await call(['start', 'gateway'])
    expect(again).toMatchObject({ code: 0, out: expect.stringContaining('gateway-1 runs already') as string })
    expect(parlance.records()).toEqual(records)

    const logs = await call(['logs', 'gateway'])
    expect(logs.out).toMatch(/^\S+Z gateway-1 info  ready \{"roles":\["gateway"\]/m)
    expect(logs.out).not.toContain('transfer-1')

    const stopped = await call(['stop'])
    expect(stopped.code).toBe(0)
    expect(stopped.out.trim().split('\n').toSorted()).toEqual(names.map((name) => `${name} has stopped`))
    expect(parlance.records()).toEqual([])
    expect(records.map(({ pid }) => pid).filter(isAlive)).toEqual([])
    for (const { addresses } of records)
      for (const address of Object.values(addresses)) expect(await isOpen(address), address).toBe(false)
    await until('the session is over', () => bob.closed !== undefined)
  })

  it('a port in use: the cure, and whoever was started is stopped again', async () => {
    const occupant = createServer()
    await new Promise<void>((resolve) => occupant.listen(0, '127.0.0.1', resolve))
    const { port } = occupant.address() as AddressInfo
    const { code, out, err } = await call(['start', 'cron', 'api', '--api-port', String(port)])
    occupant.close()
    expect(code).toBe(1)
    expect(err).toMatch(/api-1 ended .*\nParlance could not run: .*another program has it.*PARLANCE_API_PORT.*\[\w+\]/)
    expect(err).toContain('stopping cron-1 again')
    assertNothingRuns(out)
  })

  const nowhere = '127.0.0.1:1'
  it.each([
    [
      'MongoDB is not there',
      { PARLANCE_MONGO_URL: `mongodb://${nowhere}` },
      /PARLANCE_MONGO_URL.*\[MONGO_UNAVAILABLE\]/,
    ],
    [
      "MongoDB's URL is malformed",
      { PARLANCE_MONGO_URL: 'mongodb://ada:hunter/2@store' },
      /escape .*PARLANCE_MONGO_URL.*\[MONGO_ADDRESS\]/,
    ],
    ['Redis is not there', { PARLANCE_REDIS_URL: `redis://${nowhere}` }, /PARLANCE_REDIS_URL.*\[REDIS_UNAVAILABLE\]/],
    [
      'Redis refuses the password',
      { PARLANCE_REDIS_URL: services?.redisURL.replace('//', '//ada:hunter2@') },
      /check user and password.*PARLANCE_REDIS_URL.*\[REDIS_ACCESS\]/,
    ],
    ['Kafka is not there', { PARLANCE_KAFKA_BROKERS: nowhere }, /PARLANCE_KAFKA_BROKERS.*\[KAFKA_UNAVAILABLE\]/],
  ])('%s: the cure, and nothing is left', async (_, wrong, cure) => {
    const { code, out, err } = await call(['start', 'transfer', 'cron'], wrong)
    expect(code).toBe(1)
    expect(err).toMatch(/^parlance: transfer-1 ended \(exit code 1\)\nParlance could not run: /m)
    expect(err).toMatch(cure)
    expect(err).not.toMatch(/hunter/)
    assertNothingRuns(out)
  })

  it.skipIf(!canStart('redis'))('waits for a service that starts later, and says for which', async () => {
    await using redis = await startRedis()
    await redis.stop()
    const starting = parlance.begin(['start', 'cron'], {
      ...environment,
      PARLANCE_REDIS_URL: redis.url,
      PARLANCE_START_WAIT_MS: '60000',
    })
    await until('it says so', () => starting.said.err.includes('cron-1 is waiting for Redis: Redis at 127.0.0.1'))
    await redis.start()
    expect(await starting.ended).toBe(0)
    expect((await call(['stop'])).code).toBe(0)
  })

  it('logs of what never ran: what there is instead', async () => {
    expect(await call(['logs', 'gateway'])).toMatchObject({
      code: 1,
      err: expect.stringMatching(/no log of gateway .*start it with 'parlance start'/) as string,
    })
  })

  /** Everything that was ready said its number on the way. */
  function assertNothingRuns(out: string): void {
    expect(parlance.records()).toEqual([])
    const pids = [...out.matchAll(/\(process (\d+)\)/g)].map(([, pid]) => Number(pid))
    expect(pids.filter(isAlive)).toEqual([])
    expect(existsSync(join(parlance.run, 'lock'))).toBe(false)
  }
})

/** Whether somebody listens there. */
function isOpen(address: string): Promise<boolean> {
  const { hostname, port } = new URL(address)
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
