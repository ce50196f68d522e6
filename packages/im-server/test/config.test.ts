import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from '@parlance/testing'
import { describe, expect, it } from 'vitest'
import { isEmbedded, readConfig, readSetting } from '../src/config.ts'
import { ConfigError } from '../src/config-error.ts'

const services = {
  PARLANCE_MONGO_URL: 'mongodb://user:hunter2@store',
  PARLANCE_REDIS_URL: 'redis://user:hunter2@cache',
  PARLANCE_KAFKA_BROKERS: 'a:9092,b:9092',
}

describe('where the data lies', () => {
  it('is the data folder while nothing else is named', () => {
    expect(isEmbedded(readConfig({}, {}))).toBe(true)
    expect(isEmbedded(readConfig({}, { PARLANCE_MONGO_URL: '' }))).toBe(true)
  })

  it('is MongoDB, Redis and Kafka when all three are named', () => {
    const config = readConfig({}, services)
    expect(isEmbedded(config)).toBe(false)
    expect(config.roles).toEqual(['api', 'gateway', 'transfer', 'push', 'cron'])
  })

  it.each(Object.keys(services))('is never only a part of the three: without %s the missing one is named', (name) => {
    const read = (): unknown => readConfig({}, { ...services, [name]: '' })
    expect(read).toThrow(ConfigError)
    expect(read).toThrow(new RegExp(`go together: set \\w+ \\(${name}\\) as well`))
    expect(read).not.toThrow(/hunter2/)
  })

  it.each(Object.keys(services))(
    'is refused by name, and its value is not told, when %s is no such address',
    (name) => {
      const read = (): unknown => readConfig({}, { ...services, [name]: 'ftp//user:hunter2 store' })
      expect(read).toThrow(new RegExp(`\\(${name}\\): must b`))
      expect(read).not.toThrow(/hunter2/)
    },
  )
})

describe('one setting by itself', () => {
  it('is read whatever is wrong with the others', () => {
    using folder = temporaryFolder()
    const file = join(folder.path, 'settings.json')
    writeFileSync(file, JSON.stringify({ dataDir: '/var/lib/p', namespace: 'shop', secret: 'tooshort' }))
    const environment = { PARLANCE_CONFIG: file, PARLANCE_NAMESPACE: 'other', PARLANCE_MONGO_URL: 'mongodb://h' }
    expect(() => readConfig({}, environment)).toThrow(ConfigError)
    expect(readSetting('dataDir', environment)).toBe('/var/lib/p')
    expect(readSetting('namespace', environment)).toBe('other')
    expect(readSetting('apiPort', environment)).toBe(10_002)
    expect(() => readSetting('secret', environment)).toThrow(/secret \(PARLANCE_SECRET\)/)
    expect(() => readSetting('dataDir', { PARLANCE_CONFIG: `${file}.not` })).toThrow(/cannot be read \(ENOENT\)/)
  })
})

describe('the address of Redis', () => {
  it.each(['redis://h', 'rediss://h', 'redis+cluster://h:1', 'rediss+sentinel://a,b/main', 'redis-sentinel://a/main'])(
    'may be %s, as its driver says',
    (redisURL) => {
      expect(readConfig({ redisURL }, services).redisURL).toBe(redisURL)
    },
  )
})

describe('roles', () => {
  it('may be some, in any order', () => {
    expect(readConfig({}, { ...services, PARLANCE_ROLES: 'push, api' })).toMatchObject({ roles: ['api', 'push'] })
    expect(readConfig({ roles: ['cron'] }, services)).toMatchObject({ roles: ['cron'] })
  })

  it.each(['everything', 'api,gatway', '', ','])('are refused with the list of those there are: %j', (given) => {
    expect(() => readConfig({ roles: given }, services)).toThrow(
      /roles \(PARLANCE_ROLES\): .* is no role: use all, or some of api,gateway,transfer,push,cron/,
    )
  })

  it('are all on the embedded store: one process has the data folder', () => {
    expect(() => readConfig({ roles: 'api' }, {})).toThrow(/embedded store has one process for everything/)
    expect(readConfig({ roles: 'all' }, {}).roles).toHaveLength(5)
  })
})

it('more copies in sync than there are copies are refused', () => {
  expect(() => readConfig({ kafkaMinInSync: 2 }, services)).toThrow(
    /PARLANCE_KAFKA_MIN_IN_SYNC.*PARLANCE_KAFKA_REPLICATION/,
  )
})

it('taking pushes from other machines needs a key that all processes share', () => {
  expect(() => readConfig({ nodeHost: '10.0.0.7' }, services)).toThrow(/PARLANCE_TOKEN_KEY/)
  expect(() => readConfig({ nodeHost: '10.0.0.7', tokenKey: 'k'.repeat(32) }, services)).not.toThrow()
})

it.each(['0.0.0.0', '::'])(
  'taking pushes on every address, %s, needs one where others find this process',
  (nodeHost) => {
    const tokenKey = 'k'.repeat(32)
    expect(() => readConfig({ nodeHost, tokenKey }, services)).toThrow(/PARLANCE_NODE_ADVERTISED_HOST/)
    expect(readConfig({ nodeHost, tokenKey, nodeAdvertisedHost: 'im-7' }, services).nodeAdvertisedHost).toBe('im-7')
  },
)

it.each([null, false, true, [], ' ', '0x10', '1e3', 'many'])(
  'a number that is none, %j, is refused by name',
  (apiPort) => {
    expect(() => readConfig({ apiPort }, {})).toThrow(/apiPort \(PARLANCE_API_PORT\): must be a number/)
  },
)

it('a number may be given in digits, and nothing but whole ones within their bounds', () => {
  expect(readConfig({}, { PARLANCE_API_PORT: ' 8080 ' }).apiPort).toBe(8080)
  expect(() => readConfig({}, { PARLANCE_API_PORT: '1.5' })).toThrow(/must be a whole number/)
  expect(() => readConfig({}, { PARLANCE_START_WAIT_MS: '-1' })).toThrow(/must be 0 or more/)
})

describe('a setting that is true or false', () => {
  it.each([
    ['true', true],
    ['1', true],
    ['false', false],
    ['0', false],
    ['', false],
  ])('is %j in the environment: %s', (text, friendVerify) => {
    expect(readConfig({}, { PARLANCE_FRIEND_VERIFY: text })).toMatchObject({ friendVerify })
  })

  it('is refused by name when it is neither', () => {
    expect(() => readConfig({}, { PARLANCE_FRIEND_VERIFY: 'maybe' })).toThrow(/friendVerify \(PARLANCE_FRIEND_VERIFY\)/)
  })
})

describe('settings of files', () => {
  it.each([
    ['publicURL', { PARLANCE_PUBLIC_URL: 'im.example' }],
    ['publicURL', { PARLANCE_PUBLIC_URL: 'javascript:alert(1)' }],
    ['maxFileBytes', { PARLANCE_MAX_FILE_BYTES: '0' }],
    ['maxFileBytes', { PARLANCE_MAX_FILE_BYTES: String(10_000 * 5 * 1024 ** 2 + 1) }],
    ['maxUploadBytes', { PARLANCE_MAX_UPLOAD_BYTES: 'much' }],
  ])('%s is refused for %j', (name, environment) => {
    expect(() => readConfig({}, environment)).toThrow(new RegExp(`${name} \\(${Object.keys(environment)[0]}\\)`))
  })

  it('are taken from the environment', () => {
    const environment = { PARLANCE_PUBLIC_URL: 'https://im.example/chat', PARLANCE_MAX_FILE_BYTES: '1000' }
    expect(readConfig({}, environment)).toMatchObject({ publicURL: 'https://im.example/chat', maxFileBytes: 1_000 })
  })
})

describe('a file of settings', () => {
  const read = (text: string | undefined): unknown => {
    const folder = temporaryFolder()
    const path = join(folder.path, 'parlance.json')
    try {
      if (text !== undefined) writeFileSync(path, text)
      return readConfig({}, { PARLANCE_CONFIG: path })
    } catch (error) {
      return error
    } finally {
      folder.remove()
    }
  }

  it('gives what neither options nor environment give', () => {
    expect(read('{"namespace": "from-file"}')).toMatchObject({ namespace: 'from-file' })
  })

  it.each([
    ['that is not there', undefined, 'cannot be read .ENOENT.'],
    ['that is no JSON', '{"secret": "a secret of enough bytes" "namespace"}', 'is no JSON'],
    ['with a word too many', '{"secret": "a secret of enough bytes"} x', 'is no JSON'],
    ['without an object', '["a secret of enough bytes"]', 'is JSON, but no object with settings'],
    ['with nothing', 'null', 'is JSON, but no object with settings'],
  ])('%s is refused by its name, and nothing of it is shown', (_, text, why) => {
    const error = read(text)
    expect(error).toBeInstanceOf(ConfigError)
    expect((error as ConfigError).message).toMatch(
      new RegExp(`parlance.json, which PARLANCE_CONFIG names, ${why}( at character \\d+)?: correct`),
    )
    expect(`${(error as ConfigError).message} ${String((error as ConfigError).cause)}`).not.toMatch(/secret|enough/)
  })
})
