import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

import { systemClock } from '@parlance/core'

import { ProcessError } from '../errors.ts'
import { fullShape, quickShape, type WorkloadName, workloadNames } from '../load/workload.ts'
import { describeMachine } from './machine.ts'
import { faultsOf, renderProfile, renderResults } from './result-table.ts'
import { runWorkload, type WorkloadResult } from './run-workload.ts'
import { Services } from './services.ts'
import { type StackName, stackNames } from './stack.ts'

const repository = fileURLToPath(new URL('../../../', import.meta.url))
const usage = `Usage: npm run bench -- [options]

  --only W1,W2      run these workloads only; one of ${workloadNames.join(', ')}
  --quick           seconds instead of minutes: shows that everything works
  --profile         record the server's CPU profile and print where the time went
  --stack embedded  what the server stands on: embedded, services (a process for each role on MongoDB, Redis and
                    Kafka) or both, side by side. PARLANCE_MONGO_URL, PARLANCE_REDIS_URL and PARLANCE_KAFKA_BROKERS
                    name the services; without them fresh ones are started and removed
  --rate 1000       sends per second of W1-open
  --room 1000       members of the W2 room
  --server <file>   the server script to start instead of packages/im-server/dist/bin.js
  --name latest     name of the result file in benchmarks/results
  --json            print the result as JSON instead of a table
`

function readOptions() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      quick: { type: 'boolean', default: false },
      profile: { type: 'boolean', default: false },
      stack: { type: 'string', default: 'embedded' },
      rate: { type: 'string', default: String(fullShape.openRatePerSecond) },
      room: { type: 'string', default: String(fullShape.roomSize) },
      server: { type: 'string', default: join(repository, 'packages/im-server/dist/bin.js') },
      name: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const rate = Number(values.rate)
  if (!(rate > 0)) throw new RangeError(`--rate must be a positive number, not ${values.rate}.`)
  const room = Number(values.room)
  if (!Number.isInteger(room) || room < 2)
    throw new RangeError(`--room must be a number from 2 on, not ${values.room}.`)
  const name = values.name ?? (values.profile ? 'profile' : 'latest')
  if (!/^[\w.-]+$/.test(name)) throw new RangeError(`--name ${name}: use letters, digits, dots and dashes only.`)
  return { ...values, rate, room, name, workloads: readWorkloads(values.only), stacks: readStacks(values.stack) }
}

function readWorkloads(only: string | undefined): readonly WorkloadName[] {
  if (only === undefined) return workloadNames
  return only.split(',').map((asked) => {
    const workload = workloadNames.find((name) => name.toLowerCase() === asked.trim().toLowerCase())
    if (workload === undefined) throw new RangeError(`--only ${asked}: choose from ${workloadNames.join(', ')}.`)
    return workload
  })
}

function readStacks(asked: string): readonly StackName[] {
  if (asked === 'both') return stackNames
  const stack = stackNames.find((name) => name === asked)
  if (stack === undefined) throw new RangeError(`--stack ${asked}: choose from ${stackNames.join(', ')}, both.`)
  return [stack]
}

async function main(): Promise<void> {
  const options = readOptions()
  const interruption = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => interruption.abort(new ProcessError(`The run was ended by ${name}.`)))
  }
  const { signal } = interruption
  if (options.help) {
    console.log(usage)
    return
  }
  const machine = describeMachine(repository)
  const shape = { ...(options.quick ? quickShape : fullShape), openRatePerSecond: options.rate, roomSize: options.room }
  const results: WorkloadResult[] = []
  const failures: string[] = []
  const services = options.stacks.includes('services') ? await Services.open() : undefined
  try {
    const runs = options.workloads.flatMap((workload) => options.stacks.map((stack) => ({ workload, stack })))
    for (const { workload, stack } of runs) {
      if (signal.aborted) break
      const title = stack === 'embedded' ? workload : `${workload} on ${stack}`
      console.error(`${title} …`)
      const standsOn = stack === 'services' ? services : undefined
      const own = { ...shape, isInFlightUntilDelivered: stack === 'services' }
      const common = { workload, shape: own, script: resolve(options.server), isProfiled: options.profile, signal }
      try {
        results.push(await runWorkload(systemClock, { ...common, services: standsOn }))
      } catch (error) {
        failures.push(`${title} was not finished. ${error instanceof Error ? error.message : String(error)}`)
      }
    }
  } finally {
    await services?.close()
  }
  if (services?.areGiven === true)
    console.error('What this run wrote to your services is still there, in namespaces that begin with bench-.')

  const outcome = { machine, measuredAt: new Date().toISOString(), isQuick: options.quick, shape, results, failures }
  const json = JSON.stringify(outcome, undefined, 2)
  const file = join(repository, 'benchmarks/results', `${options.name}.json`)
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, `${json}\n`)

  if (options.json) {
    console.log(json)
  } else {
    console.log(`\n${renderResults(machine, results, options.quick)}`)
    for (const { workload, profile } of results) {
      if (profile !== undefined) console.log(`\n${renderProfile(workload, profile)}`)
    }
  }
  for (const failure of failures) console.error(`\n${failure}`)
  if (failures.length > 0) process.exitCode = 2
  else if (results.some(({ load }) => faultsOf(load).length > 0)) process.exitCode = 1
}

// Timers of the clock keep no process alive, and a server that ends at once leaves nothing else to wait for.
const keepAlive = setInterval(() => undefined, 60_000)
main()
  .catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : String(error))
    process.exitCode = 2
  })
  .finally(() => clearInterval(keepAlive))
