import { inRounds, type Random } from '@parlance/testing'
import type { TestServer } from '@parlance/testing/services'
import { Redis } from 'ioredis'
import { type Role, roles } from '../../src/index.ts'
import type { Stack } from './stack.ts'

/** Something that goes wrong with a stack, and is mended again. */
export interface StackFault {
  readonly name: string
  /** The components that it strikes. */
  readonly components: readonly string[]
  /** Resolves once what was struck runs again. */
  readonly strike: (stack: Stack) => Promise<void>
}

const downFor = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms))

const shortMs = 3_000
/** Longer than anybody waits for an answer: whoever asks has to be told that there is none. */
const longMs = 15_000

const downMs = (random: Random): number => random.int(random.int(4) === 0 ? longMs : shortMs)

/** So many faults, each component in turn, in another order each time round: each role killed, each service killed or stopped, Redis flushed. */
export function faultsOf(count: number, random: Random): StackFault[] {
  const kinds: readonly (() => StackFault)[] = [
    ...roles.map((role) => () => killed([role], random, downMs(random))),
    ...services.map((service) => () => restarted(service, random, downMs(random))),
    flushed,
  ]
  return inRounds(kinds, count, random).map((make) => make())
}

/** In short: a process of every role at once, one service, Redis flushed. */
export const briefFaults = (random: Random): StackFault[] => [
  killed(roles, random, random.int(shortMs)),
  restarted(random.pick(services), random, random.int(shortMs)),
  flushed(),
]

const services = ['redis', 'mongo', 'kafka'] as const

function killed(some: readonly Role[], random: Random, ms: number): StackFault {
  const struck = some.map((role) => ({ role, which: random.int(2) }))
  const names = struck.map(({ role, which }) => `${role} ${which + 1}`).join(', ')
  return {
    name: `${names} killed, ${ms} ms away`,
    components: some,
    async strike(stack) {
      const processes = struck.map(({ role, which }) => stack.of(role)[which]!.process)
      await Promise.all(processes.map((one) => one.kill()))
      await downFor(ms)
      await Promise.all(processes.map((one) => one.start()))
    },
  }
}

function restarted(service: (typeof services)[number], random: Random, ms: number): StackFault {
  const isStopped = random.int(2) === 0
  return {
    name: `${service} ${isStopped ? 'stopped' : 'killed'}, ${ms} ms away`,
    components: [service],
    async strike(stack) {
      const server: TestServer = stack[service]
      await (isStopped ? server.stop() : server.kill())
      await downFor(ms)
      await server.start()
    },
  }
}

const flushed = (): StackFault => ({
  name: 'redis flushed',
  components: ['flush'],
  async strike({ redis }) {
    const client = new Redis(redis.url)
    await client.flushall()
    client.disconnect()
  },
})
