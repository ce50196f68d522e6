// Runs every check of the repository and ends with one line: N passed, N failed.
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { chromiumCure, findChromium, installChromium } from './chromium.mjs'
import { root, setup, tool } from './setup.mjs'

setup()
// With REQUIRE_SERVICES=1 nothing may be left out: the tests themselves fail when there is no browser then.
if (process.env.REQUIRE_SERVICES === '1' && findChromium() === undefined) installChromium()
const totals = { passed: 0, failed: 0 }
const failures = []

function check(name, run) {
  console.log(`\n— ${name}`)
  const started = Date.now()
  const ok = run()
  totals[ok ? 'passed' : 'failed']++
  if (!ok) failures.push(name)
  console.log(`  ${ok ? 'ok' : 'FAILED'} in ${Math.round((Date.now() - started) / 1000)} s`)
}

function suite(project) {
  console.log(`\n— tests: ${project}`)
  const report = join(root, 'test-artifacts', `${project}.json`)
  rmSync(report, { force: true })
  const status = tool('vitest', [
    'run',
    '--project',
    project,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ])
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

const artifacts = join(root, 'test-artifacts')
mkdirSync(artifacts, { recursive: true })
rmSync(join(artifacts, 'report.txt'), { force: true })
check('format', () => tool('oxfmt', ['--check']) === 0)
check('lint', () => tool('oxlint', ['--type-aware', '--deny-warnings']) === 0)
check('types of the tests', () => tool('tsc', ['-p', 'tsconfig.tests.json']) === 0)
suite('unit')
suite('system')
console.log('\nServices: these suites run on the embedded store; none of them needs another service.')
if (findChromium() === undefined) console.log(`not run: the web chat in a browser, for want of one; ${chromiumCure}.`)
if (existsSync(join(artifacts, 'report.txt')))
  console.log(`\nSeen on the way:\n${readFileSync(join(artifacts, 'report.txt'), 'utf8')}`)
if (failures.length > 0) console.log(`Failed: ${failures.join(', ')}`)
console.log(`${totals.passed} passed, ${totals.failed} failed`)
process.exit(totals.failed === 0 && totals.passed > 0 ? 0 : 1)
