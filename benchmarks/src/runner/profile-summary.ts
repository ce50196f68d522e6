import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { ProcessError } from '../errors.ts'

/** What of a V8 CPU profile is read. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[]
  /** Microseconds of the system's monotonic clock. */
  readonly startTime: number
  /** The node that ran at each sample. */
  readonly samples: readonly number[]
  /** Microseconds between a sample and the one before. */
  readonly timeDeltas: readonly number[]
}

interface ProfileNode {
  readonly id: number
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
  readonly children?: readonly number[]
}

/** A span of the system's monotonic clock, in microseconds. */
export interface Span {
  readonly beginUs: number
  readonly endUs: number
}

/** The time of one function or module. */
export interface ProfileLine {
  readonly name: string
  readonly ms: number
  readonly percent: number
}

/** Where the time went. Idle time is left out: percentages are of busy time. */
export interface ProfileSummary {
  readonly busyMs: number
  readonly idleMs: number
  /** Own time by function. */
  readonly functions: readonly ProfileLine[]
  /** Own time by package, or `node:` module. */
  readonly modules: readonly ProfileLine[]
  /** Time of functions of this repository's packages and of all that they call. */
  readonly inclusive: readonly ProfileLine[]
}

const listedFunctions = 25
const listedModules = 15
const ownPackages = '/packages/'
const installedPackages = '/node_modules/'

/**
 * Adds up the profiles in a folder, one per thread of the process, over the given spans; over everything without any.
 *
 * @throws {@link ProcessError} when there is none: the server ended without writing one.
 */
export async function summarizeProfiles(folder: string, spans: readonly Span[] = []): Promise<ProfileSummary> {
  // No folder is no profile, which is said below.
  const names = await readdir(folder).catch(() => [])
  const profiles: CpuProfile[] = []
  for (const name of names.filter((file) => file.endsWith('.cpuprofile'))) {
    profiles.push(JSON.parse(await readFile(join(folder, name), 'utf8')) as CpuProfile)
  }
  if (profiles.length === 0) {
    throw new ProcessError('The server wrote no CPU profile; it must end by itself on SIGTERM to write one.')
  }
  return summarizeProfile(profiles, spans)
}

/** Adds up own time by function and by module, and inclusive time by function. */
export function summarizeProfile(profiles: readonly CpuProfile[], spans: readonly Span[] = []): ProfileSummary {
  const functions = new Map<string, number>()
  const modules = new Map<string, number>()
  const inclusive = new Map<string, number>()
  let busyMs = 0
  let idleMs = 0
  for (const profile of profiles) {
    const stacks = stacksOf(profile.nodes)
    for (const [id, ms] of timeByNode(profile, spans)) {
      const { name, module, callers, isIdle } = stacks.get(id)!
      if (isIdle) {
        idleMs += ms
        continue
      }
      busyMs += ms
      add(functions, name, ms)
      add(modules, module, ms)
      for (const caller of callers) add(inclusive, caller, ms)
    }
  }
  return {
    busyMs,
    idleMs,
    functions: largest(functions, busyMs, listedFunctions),
    modules: largest(modules, busyMs, listedModules),
    inclusive: largest(inclusive, busyMs, listedFunctions),
  }
}

interface Stack {
  readonly name: string
  readonly module: string
  readonly isIdle: boolean
  /** The functions of our own packages on the stack, itself included, each once. */
  readonly callers: ReadonlySet<string>
}

function stacksOf(nodes: readonly ProfileNode[]): ReadonlyMap<number, Stack> {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const stacks = new Map<number, Stack>()
  const pending: { node: ProfileNode; callers: ReadonlySet<string> }[] = []
  const called = new Set(nodes.flatMap(({ children = [] }) => children))
  for (const node of nodes) if (!called.has(node.id)) pending.push({ node, callers: new Set() })
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { id, callFrame, children = [] } = next.node
    const { functionName, url, lineNumber } = callFrame
    const place = placeOf(url)
    const name = place === '' ? functionName : `${functionName || '(anonymous)'}  ${place}:${lineNumber + 1}`
    const isOwn = url.includes(ownPackages) && !url.includes(installedPackages)
    const callers = isOwn && !next.callers.has(name) ? new Set([...next.callers, name]) : next.callers
    stacks.set(id, { name, module: moduleOf(place, functionName), isIdle: functionName === '(idle)', callers })
    for (const child of children) pending.push({ node: byId.get(child)!, callers })
  }
  return stacks
}

function timeByNode(
  { samples, startTime, timeDeltas }: CpuProfile,
  spans: readonly Span[],
): ReadonlyMap<number, number> {
  const totals = new Map<number, number>()
  let atUs = startTime
  for (const [index, id] of samples.entries()) {
    atUs += timeDeltas[index]!
    // A sample lasts until the next one is taken; the last one's length is unknown.
    const lengthUs = timeDeltas[index + 1] ?? 0
    const isWanted = spans.length === 0 || spans.some(({ beginUs, endUs }) => atUs >= beginUs && atUs < endUs)
    if (isWanted) totals.set(id, (totals.get(id) ?? 0) + lengthUs / 1000)
  }
  return totals
}

function placeOf(url: string): string {
  const installed = url.lastIndexOf(installedPackages)
  if (installed !== -1) return url.slice(installed + installedPackages.length)
  const own = url.indexOf(ownPackages)
  return own === -1 ? url.replace(/^file:\/\//, '') : url.slice(own + ownPackages.length)
}

function moduleOf(place: string, functionName: string): string {
  if (place === '') return functionName.startsWith('(') ? functionName : '(native)'
  if (place.startsWith('node:')) return place
  if (place.startsWith('/')) return '(script)'
  const parts = place.split('/')
  return place.startsWith('@') ? parts.slice(0, 2).join('/') : parts[0]!
}

function add(totals: Map<string, number>, name: string, ms: number): void {
  totals.set(name, (totals.get(name) ?? 0) + ms)
}

function largest(totals: ReadonlyMap<string, number>, busyMs: number, count: number): ProfileLine[] {
  return [...totals]
    .sort(([, left], [, right]) => right - left)
    .slice(0, count)
    .map(([name, ms]) => ({ name, ms, percent: busyMs === 0 ? 0 : (100 * ms) / busyMs }))
}
