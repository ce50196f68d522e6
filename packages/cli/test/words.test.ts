import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { describeDuration, parseDuration } from '../src/duration.ts'
import { nodeVersion } from '../src/commands/doctor.ts'
import { describeStatus } from '../src/commands/status.ts'
import { probeBase } from '../src/health.ts'
import type { Observation } from '../src/observation.ts'
import { parseMetrics } from '../src/prometheus.ts'
import { connectionProblem, serviceAddresses } from '../src/services.ts'
import { table } from '../src/table.ts'
import { paintFor } from '../src/terminal.ts'

const plain = paintFor({ isTTY: false }, {})
const coloured = paintFor({ isTTY: true }, {})

describe('colours', () => {
  it('are for terminals only, unless NO_COLOR is set', () => {
    expect(coloured('good', 'ready')).toBe('\u001B[32mready\u001B[0m')
    expect(plain('good', 'ready')).toBe('ready')
    expect(paintFor({ isTTY: true }, { NO_COLOR: '1' })('bad', 'silent')).toBe('silent')
    expect(paintFor({ isTTY: true }, { TERM: 'dumb' })('bad', 'silent')).toBe('silent')
  })
})

describe('a table', () => {
  it('has columns as wide as their widest cell, also in colours', () => {
    expect(
      table([
        ['A', 'B', 'C'],
        ['long', 'x', 'y'],
      ]),
    ).toEqual(['A     B  C', 'long  x  y'])
    const rows = table([
      ['A', 'B'],
      [coloured('good', 'ab'), 'x'],
      ['abc', 'y'],
    ])
    expect(rows).toEqual(['A    B', `${coloured('good', 'ab')}   x`, 'abc  y'])
  })

  it('every cell begins where its column does', () => {
    const cell = fc.stringMatching(/^[a-z]{1,8}$/)
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, cell, cell), { minLength: 1 }), (rows) => {
        const columns = table(rows).map((line, index) => line.indexOf(rows[index]![1], rows[index]![0].length))
        expect(new Set(columns).size).toBe(1)
      }),
    )
  })
})

describe('times', () => {
  it.each([
    ['90s', 90_000],
    ['10m', 600_000],
    ['1.5h', 5_400_000],
    ['2d', 172_800_000],
    ['250ms', 250],
  ])('%s is %i ms', (text, ms) => expect(parseDuration(text)).toBe(ms))

  it.each(['', '10', 'm', '-1m', '10 minutes', 'yesterday'])("'%s' is none", (text) =>
    expect(() => parseDuration(text)).toThrow(/write a number and a unit/),
  )

  it.each([
    [-5, '0 s'],
    [59_999, '59 s'],
    [720_000, '12 min'],
    [7_500_000, '2 h 5 min'],
    [273_600_000, '3 d 4 h'],
  ])('%i ms is %s', (ms, text) => expect(describeDuration(ms)).toBe(text))
})

describe('metrics', () => {
  it('are read with their labels; comments and nonsense are left out', () => {
    const text = [
      '# HELP gateway_sessions open sessions',
      'gateway_sessions 12',
      'parlance_log_lag_records{topic="a",group="b \\"c\\" \\\\ d"} 3.5 1700000000',
      'broken{',
      'not_a_number NaN',
    ].join('\n')
    expect(parseMetrics(text)).toEqual([
      { name: 'gateway_sessions', labels: {}, value: 12 },
      { name: 'parlance_log_lag_records', labels: { topic: 'a', group: 'b "c" \\ d' }, value: 3.5 },
    ])
  })
})

describe('addresses', () => {
  it('of services come without their passwords', () => {
    const found = serviceAddresses({
      mongoURL: 'mongodb://ada:p%40ss@one:27018,two/parlance?replicaSet=rs',
      redisURL: 'redis+sentinel://:secret@[::1]:26380,three/main',
      kafkaBrokers: 'four:9093,five:9094',
    })
    expect(found.map(({ service, host, port }) => `${service} ${host} ${port}`)).toEqual([
      'MongoDB one 27018',
      'MongoDB two 27017',
      'Redis ::1 26380',
      'Redis three 26379',
      'Kafka four 9093',
      'Kafka five 9094',
    ])
    expect(JSON.stringify(found)).not.toMatch(/ss@|secret|ada/)
    expect(serviceAddresses({ mongoURL: 'mongodb+srv://cluster.example/x' })).toEqual([])
    expect(serviceAddresses({})).toEqual([])
  })

  it.each([
    ['mongodb://ada:hun,ter2@one,two/x', ['one 27017', 'two 27017']],
    ['mongodb://ada:hun/ter2@one/x', ['one 27017']],
    ['mongodb://ada:hun?ter2@one', ['one 27017']],
    ['mongodb://ada:h@nter2@one:1', ['one 1']],
    ['mongodb://one/?compressors=snappy,zlib', ['one 27017']],
    ['mongodb://one/x?appName=ada@work', ['one 27017']],
  ])('of MongoDB hold no part of a password or an option: %s', (mongoURL, expected) => {
    expect(serviceAddresses({ mongoURL }).map(({ host, port }) => `${host} ${port}`)).toEqual(expected)
  })

  it.each([
    ['redis://:s3c,ret@one', 'one 6379'],
    ['rediss+sentinel://s1/main', 's1 26379'],
    ['redis+cluster://one:7000', 'one 7000'],
  ])('of Redis, in each form: %s', (redisURL, expected) => {
    expect(serviceAddresses({ redisURL }).map(({ host, port }) => `${host} ${port}`)).toEqual([expected])
  })

  it('with a port that is none are told in words', async () => {
    expect(await connectionProblem('127.0.0.1', 99_999, 1_000)).toBe('there are no ports above 65535')
  })

  it.each([
    [{ metrics: 'http://127.0.0.1:9100', api: 'http://127.0.0.1:1' }, 'http://127.0.0.1:9100'],
    [{ metrics: 'http://127.0.0.1:9100/metrics' }, 'http://127.0.0.1:9100'],
    [{ api: 'http://0.0.0.0:10002' }, 'http://127.0.0.1:10002'],
    [{ ws: 'ws://[::]:10001' }, 'http://[::1]:10001'],
    [{}, undefined],
  ])('of probes: %j', (addresses, base) => expect(probeBase(addresses)).toBe(base))
})

describe('doctor', () => {
  it.each([
    ['20.19.0', true],
    ['24.0.1', true],
    ['20.18.3', false],
    ['18.20.0', false],
  ])('judges Node %s', (version, isGood) => expect(nodeVersion(version).isGood).toBe(isGood))
})

describe('status', () => {
  it('shows processes, dependencies, what waits, and what is wrong', () => {
    const one: Observation = {
      name: 'gateway-1',
      roles: ['gateway'],
      pid: 12,
      state: 'not ready',
      startedAt: new Date(0).toISOString(),
      addresses: { ws: 'ws://127.0.0.1:10001' },
      logFile: 'gateway-1.log',
      dependencies: { redis: 'Redis does not answer' },
      sessions: 4,
      lag: [{ topic: 'push', group: 'push', records: 9 }],
      problems: ['gateway-1: redis: Redis does not answer'],
    }
    expect(describeStatus([one], 90_000, plain)).toEqual([
      'PROCESS    STATE      PID  UP     SESSIONS  ADDRESSES',
      'gateway-1  not ready  12   1 min  4         ws://127.0.0.1:10001',
      '',
      'DEPENDENCY  STATE                  SEEN BY',
      'redis       Redis does not answer  gateway-1',
      '',
      'TOPIC  GROUP  WAITING  IN',
      'push   push   9        gateway-1',
      '',
      'gateway-1: redis: Redis does not answer',
    ])
    const two = { ...one, name: 'gateway-2', problems: [] }
    const three = { ...two, name: 'gateway-3', dependencies: { redis: 'ok' } }
    expect(describeStatus([one, two, three], 90_000, plain).slice(5, 8)).toEqual([
      'DEPENDENCY  STATE                  SEEN BY',
      'redis       Redis does not answer  gateway-1 gateway-2',
      'redis       ok                     gateway-3',
    ])
  })
})
