// Installs and builds what is not up to date. Plain syntax and no dependency: it must give a clear answer on any Node.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))
const onWindows = process.platform === 'win32'
const pnpm = 'pnpm@12.21.0'

/** What is wrong with a version of Node, in words with the cure; nothing when it will do. */
export function nodeProblem(version) {
  const [major, minor] = version.split('.').map(Number)
  if (major > 20 || (major === 20 && minor >= 19)) return undefined
  return (
    'Parlance needs Node 20.19 or newer, this is ' +
    version +
    ': install a newer Node (https://nodejs.org) and run the command again.'
  )
}

/** Ends the process when its Node is too old, and says so. */
export function requireNode() {
  const problem = nodeProblem(process.versions.node)
  if (problem === undefined) return
  console.error(problem)
  process.exit(1)
}

function run(command, args) {
  const result = spawnSync(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], shell: onWindows })
  if (result.status !== 0) process.exit(result.status === null ? 1 : result.status)
}

/** The script of a tool of the workspace, for example `tsc`: with Node itself no shell is needed, which would cut a path at a space. */
export function scriptOf(name) {
  const folder = join(root, 'node_modules', name === 'tsc' ? 'typescript' : name)
  return join(folder, JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).bin[name])
}

/** Runs a tool of the workspace. Returns its exit code. */
export function tool(name, args, options) {
  return spawnSync(
    process.execPath,
    [scriptOf(name)].concat(args),
    Object.assign({ cwd: root, stdio: ['ignore', 'inherit', 'inherit'] }, options),
  ).status
}

function manifests() {
  const folders = ['packages', 'examples'].flatMap((parent) =>
    readdirSync(join(root, parent)).map((name) => join(parent, name)),
  )
  const files = ['', 'benchmarks', ...folders].map((folder) => join(folder, 'package.json'))
  return [...files.filter((file) => existsSync(join(root, file))), 'pnpm-workspace.yaml', 'pnpm-lock.yaml'].sort()
}

function install() {
  const hash = createHash('sha256')
  for (const file of manifests()) hash.update(file).update(readFileSync(join(root, file)))
  const stamp = join(root, 'node_modules', '.parlance-installed')
  const wanted = hash.digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return
  console.log('Installing dependencies…')
  run('npx', ['-y', pnpm, 'install', '--frozen-lockfile', '--reporter=append-only'])
  writeFileSync(stamp, wanted)
}

const chat = join(root, 'examples/web-chat')

/** The web chat as `npm start` serves it. */
export const page = join(chat, 'dist/page')

function filesIn(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesIn(join(folder, entry.name)) : [join(folder, entry.name)],
  )
}

/** Builds the web chat when its sources, or what it is built with, are not those of the last build. */
function buildPage() {
  const hash = createHash('sha256')
  const own = ['index.html', 'chat.html', 'vite.config.mjs'].map((name) => join(chat, name))
  for (const file of [...filesIn(join(chat, 'src')).sort(), ...own, join(root, 'pnpm-lock.yaml')])
    hash.update(relative(root, file)).update(readFileSync(file))
  const stamp = join(chat, 'dist/.page-built')
  const wanted = hash.digest('hex')
  if (existsSync(join(page, 'index.html')) && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return
  rmSync(stamp, { force: true })
  const config = join(chat, 'vite.config.mjs')
  if (tool('vite', ['build', '--config', config, '--logLevel', 'warn']) !== 0) process.exit(1)
  writeFileSync(stamp, wanted)
}

/** Installs and builds; quick when nothing changed. */
export function setup() {
  requireNode()
  install()
  if (tool('tsc', ['-b']) !== 0) process.exit(1)
  buildPage()
}

if (process.argv[1] === fileURLToPath(import.meta.url)) setup()
