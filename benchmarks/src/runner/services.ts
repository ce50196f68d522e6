import { startKafka, startMongoDouble, startRedis, type TestServer } from '@parlance/testing/services'

import { SetupError } from '../errors.ts'

/** Where each service is found, in the words of the server's configuration. */
export interface ServiceAddresses {
  readonly PARLANCE_MONGO_URL: string
  readonly PARLANCE_REDIS_URL: string
  readonly PARLANCE_KAFKA_BROKERS: string
}

const variables = ['PARLANCE_MONGO_URL', 'PARLANCE_REDIS_URL', 'PARLANCE_KAFKA_BROKERS'] as const

/** MongoDB, Redis and Kafka for a run: those that the environment names, or fresh ones that end with the run. */
export class Services {
  readonly addresses: ServiceAddresses
  /** True when they are others' and outlive the run, and so does what it wrote to them. */
  readonly areGiven: boolean
  readonly #own: readonly { readonly name: string; readonly server: TestServer }[]

  private constructor(addresses: ServiceAddresses, own?: readonly { name: string; server: TestServer }[]) {
    this.addresses = addresses
    this.areGiven = own === undefined
    this.#own = own ?? []
  }

  /**
   * Takes or starts them.
   *
   * @throws SetupError when the environment names some but not all; ServiceMissingError when one cannot be started.
   */
  static async open(environment: NodeJS.ProcessEnv = process.env): Promise<Services> {
    const given = variables.flatMap((name) => (environment[name] ? [[name, environment[name]] as const] : []))
    if (given.length === variables.length) return new Services(Object.fromEntries(given) as unknown as ServiceAddresses)
    if (given.length > 0) {
      const missing = variables.filter((name) => !environment[name])
      throw new SetupError(`Set ${missing.join(' and ')} as well, or none of ${variables.join(', ')} for fresh ones.`)
    }
    const starting = [startMongoDouble({ storage: 'memory' }), startRedis(), startKafka()]
    const outcomes = await Promise.allSettled(starting)
    const started = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
    const [mongo, redis, kafka] = started
    if (mongo === undefined || redis === undefined || kafka === undefined) {
      await Promise.all(started.map((server) => server.remove()))
      throw outcomes.find((outcome) => outcome.status === 'rejected')!.reason
    }
    const addresses = {
      PARLANCE_MONGO_URL: mongo.url,
      PARLANCE_REDIS_URL: redis.url,
      PARLANCE_KAFKA_BROKERS: kafka.url,
    }
    const own = [
      { name: 'mongodb', server: mongo },
      { name: 'redis', server: redis },
      { name: 'kafka', server: kafka },
    ]
    return new Services(addresses, own)
  }

  /** The processes that this run started. */
  get processes(): readonly { readonly name: string; readonly pid: number }[] {
    return this.#own.flatMap(({ name, server: { pid } }) => (pid === undefined ? [] : [{ name, pid }]))
  }

  /** Ends what this run started, and removes its data. */
  async close(): Promise<void> {
    await Promise.all(this.#own.map(({ server }) => server.remove()))
  }
}
