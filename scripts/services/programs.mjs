// Gets the programs that the services for tests are: Redis and Java from the system, Kafka and the MongoDB double from Maven Central.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { root } from '../setup.mjs'
import { canInstallPackages, installPackages } from './debian.mjs'
import { run } from './run.mjs'

const recipes = join(root, 'scripts/services')
const cache = join(root, '.services')
const copyDependencies = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies'

/** What is made of Maven's artifacts; `sources` are compiled beside them. */
const made = [
  { name: 'kafka', title: 'Kafka 4.3.0', sources: [] },
  { name: 'mongo-double', title: 'the server with the MongoDB protocol', sources: ['MongoDouble.java'] },
]

function programsFolder() {
  const hash = createHash('sha256')
  for (const file of ['pom.xml', 'kafka/pom.xml', 'mongo-double/pom.xml', 'mongo-double/MongoDouble.java'])
    hash.update(readFileSync(join(recipes, file)))
  return join(cache, `programs-${hash.digest('hex').slice(0, 12)}`)
}

/** Where they are: a folder for each version of the recipes, so that a run never loses what it runs on to a newer one. */
export const programs = programsFolder()

/** The path of a program of the system. */
export function findProgram(name) {
  const home = process.env.JAVA_HOME
  const java = home === undefined || !name.startsWith('java') ? [] : [join(home, 'bin')]
  const folders = [...java, ...(process.env.PATH || '').split(delimiter)].filter((folder) => folder !== '')
  return folders.map((folder) => join(folder, name)).find((file) => existsSync(file))
}

const isMade = (name) => existsSync(join(programs, name))

/** Which packages the system lacks: `[{ program, debian }]`. */
function missingPackages() {
  const needed = [{ program: 'redis-server', debian: 'redis-server' }]
  if (made.some(({ name }) => !isMade(name)))
    needed.push({ program: 'javac', debian: 'openjdk-17-jdk-headless' }, { program: 'mvn', debian: 'maven' })
  else needed.push({ program: 'java', debian: 'openjdk-17-jre-headless' })
  return needed.filter(({ program }) => findProgram(program) === undefined)
}

/** Downloads and compiles what is not there. Resolves with what went wrong, by name. */
async function make(missing, say) {
  mkdirSync(programs, { recursive: true })
  const work = mkdtempSync(join(programs, '.making-'))
  const problems = {}
  try {
    for (let attempt = 1; attempt <= 3; attempt++) {
      const wanted = missing.filter(({ name }) => !isMade(name))
      if (wanted.length === 0) break
      say(
        `downloading ${wanted.map(({ title }) => title).join(' and ')}${attempt === 1 ? '' : `, attempt ${attempt} of 3`}…`,
      )
      const modules = wanted.map(({ name }) => name).join(',')
      const output = `${work}/\${project.artifactId}`
      const maven = ['-q', '-B', '-C', copyDependencies, '-f', join(recipes, 'pom.xml'), '-pl', modules, '-fae']
      const problem = await run(
        findProgram('mvn'),
        [...maven, `-DoutputDirectory=${output}`, '-DincludeScope=runtime'],
        { timeoutMs: 180_000 },
      )
      for (const { name, sources } of wanted) {
        const folder = join(work, name)
        const wrong =
          problem || (existsSync(folder) ? undefined : 'Maven copied nothing') || (await compile(name, folder, sources))
        if (wrong !== undefined) problems[name] = wrong
        else settle(name, folder)
      }
    }
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
  return problems
}

async function compile(name, folder, sources) {
  if (sources.length === 0) return undefined
  const files = sources.map((file) => join(recipes, name, file))
  return run(findProgram('javac'), ['-cp', join(folder, '*'), '-d', folder, ...files], { timeoutMs: 120_000 })
}

// In one step: what is there is whole, also when two runs make it at the same time.
function settle(name, folder) {
  try {
    renameSync(folder, join(programs, name))
  } catch (error) {
    if (!isMade(name)) throw error
  }
}

/**
 * Installs what is missing. With `packages` system packages too, where that is possible (Debian and its like, as root).
 *
 * Resolves with what is still missing, and why, in words with the cure: `{ redis?, kafka?, mongo? }`.
 */
export async function installPrograms({ packages = true, alsoPackages = [], say = console.log } = {}) {
  const lacking = missingPackages()
  const names = [...lacking.map(({ debian }) => debian), ...alsoPackages]
  if (packages && canInstallPackages && names.length > 0) {
    say(`installing ${names.join(', ')}…`)
    const problem = await installPackages(names)
    if (problem !== undefined) say(`the system's packages could not be had: ${problem}`)
  }
  const still = missingPackages().map(({ program }) => program)
  const toMake = made.filter(({ name }) => !isMade(name))
  const problems =
    toMake.length === 0 || still.some((program) => program !== 'redis-server') ? {} : await make(toMake, say)
  return {
    redis: redisProblem(still),
    kafka: javaProblem('kafka', still, problems),
    mongo: javaProblem('mongo-double', still, problems),
  }
}

/** Installs what is missing, for a command that needs all of it: ends the process when something cannot be had, and says why. */
export async function requirePrograms(options) {
  const problems = Object.values(await installPrograms(options)).filter((problem) => problem !== undefined)
  for (const problem of problems) console.error(problem)
  if (problems.length > 0) process.exit(1)
}

/** The cure for a program that is not there. */
const cureOf = (names) => {
  const debian = {
    'redis-server': 'redis-server',
    java: 'openjdk-17-jre-headless',
    javac: 'openjdk-17-jdk-headless',
    mvn: 'maven',
  }
  const list = names.map((name) => debian[name]).join(' ')
  return `install it (Debian, Ubuntu: apt-get install -y --no-install-recommends ${list}; macOS: brew install redis openjdk maven)`
}

function redisProblem(still) {
  return still.includes('redis-server') ? `redis-server is missing: ${cureOf(['redis-server'])}` : undefined
}

function javaProblem(name, still, problems) {
  const lacking = still.filter((program) => program !== 'redis-server')
  if (isMade(name) && !lacking.includes('java')) return undefined
  if (lacking.length > 0)
    return `${lacking.join(' and ')} ${lacking.length === 1 ? 'is' : 'are'} missing: ${cureOf(lacking)}`
  return `it could not be had from Maven Central; check the network, or a mirror in Maven's settings, and try again:\n${problems[name]}`
}
