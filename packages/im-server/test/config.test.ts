import { describe, expect, it } from 'vitest'
import { readConfig } from '../src/config.ts'
import { ConfigError } from '../src/config-error.ts'

describe('a variable of a deployment that this version has not', () => {
  it.each(['PARLANCE_MONGO_URL', 'PARLANCE_REDIS_URL', 'PARLANCE_KAFKA_BROKERS', 'PARLANCE_ROLES'])(
    '%s is refused by name, never ignored, and its value is not told',
    (name) => {
      const read = (): unknown => readConfig({}, { [name]: 'redis://user:hunter2@store' })
      expect(read).toThrow(ConfigError)
      expect(read).toThrow(new RegExp(`${name}.*this version runs on the embedded store only.*unset it`))
      expect(read).not.toThrow(/hunter2/)
      expect(readConfig({}, { [name]: '' })).toMatchObject({ apiPort: 10_002 })
    },
  )

  it('all that are set are named at once', () => {
    expect(() => readConfig({}, { PARLANCE_REDIS_URL: 'a', PARLANCE_ROLES: 'b' })).toThrow(
      /PARLANCE_REDIS_URL and PARLANCE_ROLES .* unset them/,
    )
  })
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
