import { ServiceMissingError, serviceURL } from '@parlance/testing'
import { describe, expect, it } from 'vitest'

describe('serviceURL', () => {
  it('says where a service is', () => {
    expect(serviceURL('redis', { PARLANCE_TEST_REDIS_URL: 'redis://127.0.0.1:1' })).toBe('redis://127.0.0.1:1')
    expect(serviceURL('kafka', { PARLANCE_TEST_KAFKA_BROKERS: '127.0.0.1:2' })).toBe('127.0.0.1:2')
  })

  it.each(['redis', 'redisCluster', 'redisSentinel', 'kafka', 'mongo'] as const)(
    'leaves the suites of %s out when nobody gave one, unless all are required',
    (service) => {
      expect(serviceURL(service, {})).toBeUndefined()
      const required = (): unknown => serviceURL(service, { REQUIRE_SERVICES: '1' })
      expect(required).toThrow(ServiceMissingError)
      expect(required).toThrow(/^PARLANCE_TEST_[A-Z_]+ is not set, .*node scripts\/services.mjs start/)
    },
  )
})
