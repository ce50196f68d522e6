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
