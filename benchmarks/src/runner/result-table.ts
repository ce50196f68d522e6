import type { DeliveryReport } from '../delivery-ledger.ts'
import type { LatencySummary, LoadReport, WindowReport } from '../load/messages.ts'
import type { Machine } from './machine.ts'
import { median } from './median.ts'
import type { ProfileLine, ProfileSummary } from './profile-summary.ts'
import type { ServerWindow, WorkloadResult } from './run-workload.ts'

const none = '–'
const saturatedPercent = 90
const disturbedPercent = 10

const columns = [
  'workload',
  'stack',
  'acked/s',
  'commits/s',
  'ack p50 / p99 ms',
  'deliveries/s',
  'delivery p50 / p99 ms',
  'connections',
  'server CPU %',
  'server RSS MB',
  'generator CPU %',
  'faults',
]

/** The results as a Markdown table, medians over the windows, with the machine above it and remarks below. */
export function renderResults(machine: Machine, results: readonly WorkloadResult[], isQuick: boolean): string {
  const { cpuModel, coreCount, memoryGiB, platform, node, commit } = machine
  const about = `${cpuModel}, ${coreCount} cores, ${memoryGiB} GiB, ${platform}, Node ${node}, commit ${commit ?? 'unknown'}`
  const rows = results.map(renderRow)
  const remarks = results.flatMap(remarksOf)
  if (isQuick) remarks.unshift('A quick run: it shows that everything works, its figures are not to be quoted.')
  return [about, '', ...renderTable([columns, ...rows]), ...(remarks.length === 0 ? [] : ['', ...remarks])].join('\n')
}

/** Where a profiled server spent its time. */
export function renderProfile(workload: string, profile: ProfileSummary): string {
  const { busyMs, idleMs, functions, modules, inclusive } = profile
  return [
    `${workload}: ${seconds(busyMs)} s busy, ${seconds(idleMs)} s idle in what was measured`,
    '',
    ...profileLines('own time by function', functions),
    '',
    ...profileLines('own time by module', modules),
    '',
    ...profileLines('time of functions in packages/ with all they call', inclusive),
  ].join('\n')
}

/** Everything in a result that should not be there, in words; empty for a faultless one. */
export function faultsOf(load: LoadReport): string[] {
  if (load.kind === 'connections') return []
  const { deliveries, errorCodes } = load
  const kinds: [keyof DeliveryReport, string][] = [
    ['lostCount', 'acked but not delivered'],
    ['unansweredCount', 'never answered'],
    ['duplicateCount', 'duplicates'],
    ['seqReorderedCount', 'seq out of order'],
    ['sendOrderBrokenCount', 'send order broken'],
    ['seqGapCount', 'seqs skipped'],
    ['strayCount', 'at the wrong receiver'],
  ]
  const faults = kinds.filter(([key]) => deliveries[key] !== 0).map(([key, words]) => `${deliveries[key]} ${words}`)
  const refusals = Object.entries(errorCodes).map(([code, count]) => `${count} refused with ${code}`)
  return [...faults, ...refusals]
}

function renderRow(result: WorkloadResult): string[] {
  const { workload, stack, load, windows, residentBytesBefore, residentBytesPeak } = result
  const seen = load.kind === 'messaging' ? load.windows : []
  const over = (read: (window: WindowReport) => number | undefined): number | undefined => median(seen.map(read))
  return [
    workload,
    stack,
    whole(over((window) => window.acknowledgedPerSecond)),
    load.kind === 'messaging' ? whole(median(windows.map((window) => window.commitsPerSecond))) : none,
    latency(seen, (window) => window.acknowledgement),
    whole(over((window) => window.deliveredPerSecond)),
    latency(seen, (window) => window.delivery),
    connections(result),
    whole(median(windows.map((window) => window.cpuPercent))),
    `${megabytes(residentBytesBefore)} → ${megabytes(residentBytesPeak)}`,
    whole(over((window) => window.generatorCpuPercent)),
    load.kind === 'messaging' ? faultsOf(load).join(', ') || 'none' : none,
  ]
}

function remarksOf({ workload: name, stack, load, windows }: WorkloadResult): string[] {
  const workload = stack === 'embedded' ? name : `${name} on ${stack}`
  const hasCpu = stack !== 'embedded' && windows.length > 0
  const remarks = !hasCpu ? [] : [`${workload}, CPU % of each process: ${cpuOfEach(windows)}.`]
  if (load.kind === 'connections') return remarks
  const generator = median(load.windows.map((window) => window.generatorCpuPercent)) ?? 0
  if (generator > saturatedPercent) {
    remarks.push(`${workload}: the load generator used ${whole(generator)} % of a core and may be the limit.`)
  }
  const others = median(
    windows.map(({ machineCpuPercent, cpuPercentOf }) =>
      machineCpuPercent === undefined
        ? undefined
        : Object.values(cpuPercentOf).reduce<number>((left, percent) => left - (percent ?? 0), machineCpuPercent) -
          generator,
    ),
  )
  if (others !== undefined && others > disturbedPercent) {
    remarks.push(
      `${workload}: other processes used ${whole(others)} % of a core; measure again when the machine is idle.`,
    )
  }
  const late = median(load.windows.map((window) => window.sendDelay?.p99Ms))
  if (late !== undefined)
    remarks.push(`${workload}: p99 of the generator's own delay, part of every latency: ${fine(late)} ms.`)
  return remarks
}

function cpuOfEach(windows: readonly ServerWindow[]): string {
  const names = Object.keys(windows[0]?.cpuPercentOf ?? {})
  return names
    .map((name) => `${name} ${whole(median(windows.map(({ cpuPercentOf }) => cpuPercentOf[name])))}`)
    .join(', ')
}

function connections({ load, bytesPerConnection }: WorkloadResult): string {
  if (load.kind === 'messaging') return none
  if (bytesPerConnection !== undefined) return `${fine(bytesPerConnection / 1024)} KiB each`
  const { connect } = load
  const times = connect === undefined ? '' : ` (${fine(connect.p50Ms)} / ${fine(connect.p99Ms)} ms)`
  return `${whole(median(load.connectsPerSecond))}/s${times}`
}

function latency(windows: readonly WindowReport[], read: (window: WindowReport) => LatencySummary | undefined): string {
  const p50 = median(windows.map((window) => read(window)?.p50Ms))
  const p99 = median(windows.map((window) => read(window)?.p99Ms))
  return p50 === undefined || p99 === undefined ? none : `${fine(p50)} / ${fine(p99)}`
}

function profileLines(title: string, lines: readonly ProfileLine[]): string[] {
  const rows = lines.map(({ name, ms, percent }) => [name, String(Math.round(ms)), percent.toFixed(1)])
  return renderTable([[title, 'ms', '%'], ...rows])
}

function renderTable(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`
  return [line(rows[0]!), rule, ...rows.slice(1).map(line)]
}

function whole(value: number | undefined): string {
  return value === undefined ? none : String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ' ')
}

function fine(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
}

function megabytes(bytes: number | undefined): string {
  return bytes === undefined ? none : String(Math.round(bytes / 2 ** 20))
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(1)
}
