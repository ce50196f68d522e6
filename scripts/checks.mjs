// Runs every check of the repository and ends with one line: N passed, N failed.
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { chromiumCure, findChromium } from './chromium.mjs'
import { startServices } from './services.mjs'
import { installPrograms } from './services/programs.mjs'
import { packagesWithSuitesOn } from './services/suites.mjs'
import { root } from './setup.mjs'

const onWindows = process.platform === 'win32'
// With REQUIRE_SERVICES=1 nothing may be left out: the tests themselves fail then, without a browser as without a service.
const isAllRequired = process.env.REQUIRE_SERVICES === '1'
const totals = { passed: 0, failed: 0 }
const failures = []

function run(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], shell: onWindows })
    child.once('error', (error) => {
      console.error(`  ${command}: ${error.message}`)
      resolve(1)
    })
    child.once('exit', (code) => resolve(code ?? 1))
  })
}

const tool = (name, args) => run(join(root, 'node_modules', '.bin', name), args)

async function check(name, work) {
  console.log(`\n— ${name}`)
  const started = Date.now()
  const ok = await work()
  totals[ok ? 'passed' : 'failed']++
  if (!ok) failures.push(name)
  console.log(`  ${ok ? 'ok' : 'FAILED'} in ${Math.round((Date.now() - started) / 1000)} s`)
}

async function suite(project) {
  console.log(`\n— tests: ${project}`)
  const report = join(root, 'test-artifacts', `${project}.json`)
  rmSync(report, { force: true })
  const given = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
  const status = await tool('vitest', ['run', '--project', project, ...given])
  let counted = { numPassedTests: 0, numFailedTests: 0, numTotalTests: 0 }
  try {
    counted = JSON.parse(readFileSync(report, 'utf8'))
  } catch (error) {
    console.error(`  no report of ${project}: ${error.message}`)
  }
  totals.passed += counted.numPassedTests
  // A file that cannot be loaded, or an unhandled error, fails the run without a failed test of its own.
  const failed = Math.max(counted.numFailedTests, status === 0 ? 0 : 1)
  totals.failed += failed
  if (failed > 0) failures.push(`tests: ${project}`)
}

// Downloads take the network, the checks below take the processors: both at once.
const say = (line) => console.log(`  services: ${line}`)
const alsoPackages = findChromium() === undefined ? ['chromium'] : []
const installing = installPrograms({ packages: isAllRequired, alsoPackages, say })
if ((await run(process.execPath, [join(root, 'scripts/setup.mjs')])) !== 0) process.exit(1)
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
    for (const { name, reason } of services.missing) console.error(`  ${name}: ${reason}`)
    return services.missing.length === 0
  })
await suite('unit')
await suite('system')
await services.stop()

console.log(`\nRan on the embedded store${services.running.map(({ name }) => `, ${name}`).join('')}.`)
for (const { name, key, reason } of services.missing)
  console.log(`not run: the suites on ${name} (${packagesWithSuitesOn(key).join(', ')}): ${reason}`)
if (findChromium() === undefined) console.log(`not run: the web chat in a browser, for want of one; ${chromiumCure}.`)
if (existsSync(join(artifacts, 'report.txt')))
  console.log(`\nSeen on the way:\n${readFileSync(join(artifacts, 'report.txt'), 'utf8')}`)
if (failures.length > 0) console.log(`Failed: ${failures.join(', ')}`)
console.log(`${totals.passed} passed, ${totals.failed} failed`)
process.exit(totals.failed === 0 && totals.passed > 0 ? 0 : 1)
