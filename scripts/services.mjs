// Real services for the tests: gets them, starts them on free loopback ports, and stops exactly what it started.
//   node scripts/services.mjs install | start | env | status | stop
// PARLANCE_TEST_SERVICES_STATE: another folder for what `start` remembers, so that it can be done twice beside each other.
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { installPrograms, programs } from './services/programs.mjs'
import { root, setup } from './setup.mjs'

const folder = process.env.PARLANCE_TEST_SERVICES_STATE || join(root, '.services')
const stateFile = join(folder, 'running.json')

/** What is started: which programs it needs, where its address goes, and how. */
const services = [
  {
    name: 'Redis',
    key: 'redis',
    program: 'redis',
    variable: 'PARLANCE_TEST_REDIS_URL',
    start: (kit) => kit.startRedis(),
  },
  {
    name: 'Redis Cluster, 3 masters',
    key: 'redisCluster',
    program: 'redis',
    variable: 'PARLANCE_TEST_REDIS_CLUSTER_URL',
    start: (kit) => kit.startRedisCluster(),
  },
  {
    name: 'Kafka',
    key: 'kafka',
    program: 'kafka',
    variable: 'PARLANCE_TEST_KAFKA_BROKERS',
    start: (kit) => kit.startKafka(),
  },
  {
    name: 'MongoDB protocol (a double, in memory)',
    key: 'mongo',
    program: 'mongo',
    variable: 'PARLANCE_TEST_MONGO_URL',
    start: (kit) => kit.startMongoDouble({ storage: 'memory' }),
  },
]

const seconds = (sinceMs) => `${((Date.now() - sinceMs) / 1000).toFixed(1)} s`

/**
 * Starts the services that can be had; `problems` says of the programs of the others what is wrong (`installPrograms`).
 *
 * One whose variable is set already is taken as it is, and never stopped. Resolves once each has answered or failed:
 * `environment` for the tests, `running` and `missing` for people, `stop()`. They end with this process in any case.
 */
export async function startServices({ problems, say = console.log }) {
  const environment = { PARLANCE_TEST_SERVICES_DIR: programs }
  Object.assign(process.env, environment)
  const kit = await import('../packages/testing/dist/services/index.js')
  const started = []
  const running = []
  const missing = []
  const startOne = async ({ name, key, program, variable, start }) => {
    const given = process.env[variable]
    if (given) {
      environment[variable] = given
      running.push({ name, url: given })
      return say(`${name}: as ${variable} says`)
    }
    if (problems[program] !== undefined) return missing.push({ name, key, reason: problems[program] })
    const begun = Date.now()
    try {
      const server = await start(kit)
      started.push(server)
      environment[variable] = server.url
      running.push({ name, url: server.url })
      say(`${name}: ${server.url} after ${seconds(begun)}`)
    } catch (error) {
      missing.push({ name, key, reason: error.message })
    }
  }
  await Promise.all(services.map(startOne))
  return {
    environment,
    running,
    missing,
    stop: async () => {
      await Promise.all(started.splice(0).map((server) => server.remove()))
    },
  }
}

/** Where the services that `start` left running are asked; `undefined` when there are none. */
async function ask(path, method = 'GET') {
  let state
  try {
    state = JSON.parse(readFileSync(stateFile, 'utf8'))
  } catch (error) {
    if (error.code === 'ENOENT') return undefined
    throw error
  }
  try {
    const answer = await fetch(`http://127.0.0.1:${state.port}/${state.token}/${path}`, { method })
    return answer.ok ? await answer.json() : undefined
  } catch (error) {
    // Nobody listens there: they ended without a word.
    if (error instanceof TypeError) return undefined
    throw error
  }
}

/** Takes the place of the one that holds the services here; false when another one has it. */
async function takePlace(state) {
  mkdirSync(folder, { recursive: true })
  for (;;) {
    try {
      writeFileSync(stateFile, JSON.stringify(state), { flag: 'wx', mode: 0o600 })
      return true
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
      if ((await ask('status')) !== undefined) return false
      rmSync(stateFile, { force: true })
    }
  }
}

/** In the background: holds the services and answers `ask` until it is told to stop them. */
async function hold() {
  const token = randomBytes(16).toString('hex')
  let held
  let end
  const ended = new Promise((resolve) => (end = resolve))
  const describeHeld = () => {
    const { environment, running, missing } = held ?? {}
    return JSON.stringify({ isReady: held !== undefined, environment, running, missing })
  }
  const server = createServer((request, response) => {
    const [, given, path] = request.url.split('/')
    if (given !== token) return response.writeHead(404).end()
    if (path !== 'stop') return response.end(describeHeld())
    end()
    void stopped.then(() => response.end('{}'))
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  if (!(await takePlace({ port: server.address().port, token, pid: process.pid }))) return server.close()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, end)
  const stopped = serve()
  async function serve() {
    held = await startServices({ problems: await installPrograms() })
    await ended
    await held.stop()
    rmSync(stateFile, { force: true })
  }
  await stopped
  server.close()
}

function show({ running, missing }) {
  for (const { name, url } of running) console.log(`${name}: ${url}`)
  for (const { name, reason } of missing) console.error(`${name}: not running. ${reason}`)
}

async function start() {
  setup()
  mkdirSync(folder, { recursive: true })
  const log = join(folder, 'services.log')
  if ((await ask('status')) === undefined) {
    writeFileSync(log, '')
    const file = openSync(log, 'a')
    const holder = spawn(process.execPath, [fileURLToPath(import.meta.url), 'hold'], {
      stdio: ['ignore', file, file],
      detached: true,
    })
    let shownBytes = 0
    for (let state; state?.isReady !== true; state = await ask('status')) {
      await new Promise((resolve) => setTimeout(resolve, 100))
      const text = readFileSync(log)
      process.stdout.write(text.subarray(shownBytes))
      shownBytes = text.length
      if (holder.exitCode !== null) return 1
    }
    holder.unref()
  } else console.log('They run already.')
  const state = await ask('status')
  show(state)
  console.log('For the tests: eval "$(node scripts/services.mjs env)"; the end: node scripts/services.mjs stop')
  return state.missing.length === 0 ? 0 : 1
}

const nothingRuns = 'Nothing runs; begin with: node scripts/services.mjs start'

const commands = {
  async install() {
    const problems = await installPrograms()
    for (const [program, problem] of Object.entries(problems))
      if (problem !== undefined) console.error(`${program}: ${problem}`)
    return Object.values(problems).some((problem) => problem !== undefined) ? 1 : 0
  },
  start,
  async status() {
    const state = await ask('status')
    if (state === undefined) console.log(nothingRuns)
    else if (!state.isReady) console.log('They are starting.')
    else show(state)
    return state?.isReady === true ? 0 : 1
  },
  async env() {
    const state = await ask('status')
    const environment = state?.isReady === true ? state.environment : { PARLANCE_TEST_SERVICES_DIR: programs }
    for (const [name, value] of Object.entries(environment)) console.log(`export ${name}='${value}'`)
    if (state?.isReady !== true) console.error(nothingRuns)
    return 0
  },
  async stop() {
    const state = await ask('stop', 'POST')
    console.log(state === undefined ? 'Nothing runs.' : 'Stopped.')
    return 0
  },
  async hold() {
    await hold()
    return 0
  },
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const command = commands[process.argv[2] ?? '']
  if (command === undefined) console.error('node scripts/services.mjs install | start | env | status | stop')
  process.exit(command === undefined ? 1 : await command())
}
