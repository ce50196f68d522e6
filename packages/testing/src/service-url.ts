import { ParlanceError } from '@parlance/core'

/** A service that tests may need, and the variable that says where it is. */
const variables = {
  redis: 'PARLANCE_TEST_REDIS_URL',
  redisCluster: 'PARLANCE_TEST_REDIS_CLUSTER_URL',
  redisSentinel: 'PARLANCE_TEST_REDIS_SENTINEL_URL',
  kafka: 'PARLANCE_TEST_KAFKA_BROKERS',
  mongo: 'PARLANCE_TEST_MONGO_URL',
} as const

/** The services that tests of drivers run against. */
export type TestService = keyof typeof variables

/** A service that this run may not do without is not there. */
export class ServiceMissingError extends ParlanceError {
  static override readonly code = 'TESTING_SERVICE_MISSING'
}

/**
 * Where a service for tests is: a URL, for Kafka its brokers (`host:port,host:port`).
 *
 * `undefined` when nobody gave one: leave the suite out then (`describe.skipIf(url === undefined)`).
 *
 * @throws ServiceMissingError instead, with `REQUIRE_SERVICES=1`: nothing may be left out.
 */
export function serviceURL(
  service: TestService,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string | undefined {
  const name = variables[service]
  const url = environment[name]
  if (url !== undefined && url !== '') return url
  if (environment['REQUIRE_SERVICES'] !== '1') return undefined
  throw new ServiceMissingError(
    `${name} is not set, and REQUIRE_SERVICES=1 allows no suite to be left out: ` +
      'run npm test, which starts the services, or `node scripts/services.mjs start` and set what it prints',
    { details: { service, name } },
  )
}
