import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { ProcessError } from '../errors.ts'

/** What of a V8 CPU profile is read. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: {
      readonly functionName: string
      readonly url: string
      readonly lineNumber: number
    }
  }[]
  readonly samples: readonly number[]
  /** Microseconds between a sample and the one before. */
  readonly timeDeltas: readonly number[]
}

/** One function's, or one module's, own time. */
export interface ProfileLine {
  readonly name: string
  readonly selfMs: number
  readonly percent: number
}

/** Where the time went. Idle time is left out: percentages are of busy time. */
export interface ProfileSummary {
  readonly busyMs: number
  readonly idleMs: number
  readonly functions: readonly ProfileLine[]
  /** The same by package, or `node:` module. */
  readonly modules: readonly ProfileLine[]
}

const listedFunctions = 25
const listedModules = 15

/**
 * Adds up the profiles in a folder, one per thread of the process.
 *
 * @throws {@link ProcessError} when there is none: the server ended without writing one.
 */
export async function summarizeProfiles(folder: string): Promise<ProfileSummary> {
  const names = await readdir(folder).catch(() => [])
  const profiles: CpuProfile[] = []
  for (const name of names.filter((file) => file.endsWith('.cpuprofile'))) {
    profiles.push(JSON.parse(await readFile(join(folder, name), 'utf8')) as CpuProfile)
  }
  if (profiles.length === 0) {
    throw new ProcessError('The server wrote no CPU profile; it must end by itself on SIGTERM to write one.')
  }
  return summarizeProfile(profiles)
}

/** Adds up self time by function and by module. */
export function summarizeProfile(profiles: readonly CpuProfile[]): ProfileSummary {
  const functions = new Map<string, number>()
  const modules = new Map<string, number>()
  let idleMs = 0
  let busyMs = 0
  for (const profile of profiles) {
    const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]))
    for (const [index, id] of profile.samples.entries()) {
      const frame = frames.get(id)
      // A sample lasts until the next one is taken; the last one's length is unknown.
      const lengthMs = (profile.timeDeltas[index + 1] ?? 0) / 1000
      if (frame === undefined) continue
      if (frame.functionName === '(idle)') {
        idleMs += lengthMs
        continue
      }
      busyMs += lengthMs
      const place = placeOf(frame.url)
      add(
        functions,
        place === '' ? frame.functionName : `${frame.functionName || '(anonymous)'}  ${place}:${frame.lineNumber + 1}`,
        lengthMs,
      )
      add(modules, moduleOf(frame.url, frame.functionName), lengthMs)
    }
  }
  return {
    busyMs,
    idleMs,
    functions: largest(functions, busyMs, listedFunctions),
    modules: largest(modules, busyMs, listedModules),
  }
}

function placeOf(url: string): string {
  const marker = '/node_modules/'
  const installed = url.lastIndexOf(marker)
  if (installed !== -1) return url.slice(installed + marker.length)
  const own = url.indexOf('/packages/')
  return own === -1 ? url.replace(/^file:\/\//, '') : url.slice(own + '/packages/'.length)
}

function moduleOf(url: string, functionName: string): string {
  if (url === '') return functionName.startsWith('(') ? functionName : '(native)'
  const place = placeOf(url)
  if (place.startsWith('node:')) return place
  if (place.startsWith('/')) return '(script)'
  const parts = place.split('/')
  return place.startsWith('@') ? parts.slice(0, 2).join('/') : parts[0]!
}

function add(totals: Map<string, number>, name: string, lengthMs: number): void {
  totals.set(name, (totals.get(name) ?? 0) + lengthMs)
}

function largest(totals: Map<string, number>, busyMs: number, count: number): ProfileLine[] {
  return [...totals]
    .sort(([, left], [, right]) => right - left)
    .slice(0, count)
    .map(([name, selfMs]) => ({ name, selfMs, percent: busyMs === 0 ? 0 : (100 * selfMs) / busyMs }))
}
