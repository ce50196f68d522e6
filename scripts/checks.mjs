// Runs every check of the repository and ends with one line: N passed, N failed.
import { spawn } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { findChromium } from './chromium.mjs'
import { getNode24 } from './node24.mjs'
import { startServices } from './services.mjs'
import { installPrograms } from './services/programs.mjs'
import { isWhole, notRun } from './services/not-run.mjs'
import { root, scriptOf } from './setup.mjs'

// With REQUIRE_SERVICES=1 nothing may be left out: the tests themselves fail then, without a browser as without a service.
const isAllRequired = process.env.REQUIRE_SERVICES === '1'
const isNode24 = Number.parseInt(process.versions.node, 10) >= 24
const totals = { passed: 0, failed: 0 }
const failures = []

function run(command, args, options = {}) {
  return new Promise((resolve) => {
    const stdio = ['ignore', 'inherit', 'inherit']
    const child = spawn(command, args, { cwd: root, stdio, ...options })
    child.once('error', (error) => {
      console.error(`  ${command}: ${error.message}`)
      resolve(1)
    })
    child.once('exit', (code) => resolve(code ?? 1))
  })
}

const tool = (name, args) => run(process.execPath, [scriptOf(name), ...args])

async function check(name, work) {
  console.log(`\n— ${name}`)
  const started = Date.now()
  const ok = await work()
  totals[ok ? 'passed' : 'failed']++
  if (!ok) failures.push(name)
  console.log(`  ${ok ? 'ok' : 'FAILED'} in ${Math.round((Date.now() - started) / 1000)} s`)
}

/** Runs tests, on this Node with this environment and printing at once unless told otherwise, and counts them. */
async function suite(name, args, { command = process.execPath, env = process.env, stdio } = {}) {
  if (stdio === undefined) console.log(`\n— tests: ${name}`)
  const report = join(root, 'test-artifacts', `${name.replaceAll(/\W+/g, '-')}.json`)
  rmSync(report, { force: true })
  const given = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
  const vitest = join(root, 'node_modules/vitest/vitest.mjs')
  const options = { env, shell: false, ...(stdio && { stdio }) }
  const status = await run(command, [vitest, 'run', ...args, ...given], options)
  let counted = { numPassedTests: 0, numFailedTests: 0, numTotalTests: 0 }
  try {
    counted = JSON.parse(readFileSync(report, 'utf8'))
  } catch (error) {
    console.error(`  no report of ${name}: ${error.message}`)
  }
  totals.passed += counted.numPassedTests
  // A file that cannot be loaded, or an unhandled error, fails the run without a failed test of its own.
  const failed = Math.max(counted.numFailedTests, status === 0 ? 0 : 1)
  totals.failed += failed
  if (failed > 0) failures.push(`tests: ${name}`, ...failedTests(counted))
}

/** A line for each failed test of a report, or file that could not be run, with how its message begins. */
function failedTests({ testResults = [] }) {
  const line = (file, name, message) =>
    `  ${relative(root, file)} ${name}: ${stripVTControlCharacters(message).split('\n', 4).join(' ').slice(0, 400)}`
  return testResults.flatMap(({ name: file, status, message, assertionResults }) => {
    const failed = assertionResults.filter((result) => result.status === 'failed')
    if (failed.length === 0) return status === 'failed' ? [line(file, 'as a whole', message)] : []
    return failed.map(({ fullName, failureMessages }) => line(file, fullName, failureMessages[0] ?? ''))
  })
}

/** The packages that keep something in the embedded store, and what they stand on. */
const onTheStore = ['core', 'engines', 'seq-allocator', 'notification-bus', 'cached-repository', 'rockscache']

/**
 * The embedded store on the SQLite library that the suites before did not run on, and a server killed on it.
 *
 * @returns a function that prints what they printed: they run beside others.
 */
async function otherLibrary(node24) {
  if (node24.command === undefined) {
    if (isAllRequired) await check('Node 24', () => console.error(`  ${node24.problem}`))
    return () => undefined
  }
  const env = { ...process.env, PARLANCE_KILL_RUNS: '4' }
  for (const name of Object.keys(env)) if (/^(REQUIRE_SERVICES$|PARLANCE_TEST_)/.test(name)) delete env[name]
  if (isNode24) env.PARLANCE_SQLITE_LIBRARY = 'libsql'
  const title = isNode24 ? 'embedded store on libsql' : 'embedded store on Node 24'
  const folders = onTheStore.map((name) => `packages/${name}/`)
  const printed = []
  const kills = ['--project', 'load', 'packages/im-server/test/kill.system.test.ts']
  for (const { name, args } of [
    { name: title, args: ['--project', 'unit', ...folders] },
    { name: `${title}, kill -9`, args: kills },
  ]) {
    const path = join(artifacts, `${name.replaceAll(/\W+/g, '-')}.log`)
    const log = openSync(path, 'w')
    await suite(name, args, { command: node24.command, env, stdio: ['ignore', log, log] })
    closeSync(log)
    printed.push(() => console.log(`\n— tests: ${name}\n${readFileSync(path, 'utf8')}`))
  }
  return () => printed.forEach((print) => print())
}

// Downloads take the network, the checks below take the processors: both at once.
const say = (line) => console.log(`  services: ${line}`)
const alsoPackages = findChromium() === undefined ? ['chromium'] : []
const installing = installPrograms({ packages: isAllRequired, alsoPackages, say })
if ((await run(process.execPath, [join(root, 'scripts/setup.mjs')])) !== 0) process.exit(1)
const gettingNode = isNode24 ? { command: process.execPath } : getNode24(say)
const starting = installing.then((problems) => startServices({ problems, say }))

const artifacts = join(root, 'test-artifacts')
mkdirSync(artifacts, { recursive: true })
rmSync(join(artifacts, 'report.txt'), { force: true })
await check('format', async () => (await tool('oxfmt', ['--check'])) === 0)
await check('lint', async () => (await tool('oxlint', ['--type-aware', '--deny-warnings'])) === 0)
await check('types of the tests', async () => (await tool('tsc', ['-p', 'tsconfig.tests.json'])) === 0)
const services = await starting
Object.assign(process.env, services.environment)
if (isAllRequired)
  await check('services', () => {
    for (const line of notRun({ missing: services.missing })) console.error(`  ${line}`)
    return services.missing.length === 0
  })
await suite('unit', ['--project', 'unit'])
await suite('system', ['--project', 'system'])
await suite('load', ['--project', 'load'])
const node24 = await gettingNode
const onOtherLibrary = otherLibrary(node24)
// What needs all three at once.
if (isWhole(services.missing) || isAllRequired) await suite('services', ['--project', 'services'])
;(await onOtherLibrary)()
await services.stop()

console.log(`\nRan on the embedded store${services.running.map(({ name }) => `, ${name}`).join('')}.`)
const hasBrowser = findChromium() !== undefined
for (const line of notRun({ missing: services.missing, node24Problem: node24.problem, hasBrowser })) console.log(line)
if (existsSync(join(artifacts, 'report.txt')))
  console.log(`\nSeen on the way:\n${readFileSync(join(artifacts, 'report.txt'), 'utf8')}`)
if (failures.length > 0) console.log(`Failed:\n${failures.join('\n')}`)
console.log(`${totals.passed} passed, ${totals.failed} failed`)
process.exit(totals.failed === 0 && totals.passed > 0 ? 0 : 1)
