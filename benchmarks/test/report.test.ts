import { describe, expect, it } from 'vitest'

import type { MessagingReport } from '../src/load/messages.ts'
import { median } from '../src/runner/median.ts'
import { summarizeProfile } from '../src/runner/profile-summary.ts'
import { faultsOf, renderResults } from '../src/runner/result-table.ts'
import { sumOfMetric } from '../src/runner/server-probe.ts'

const latency = (p50Ms: number) => ({ p50Ms, p99Ms: 10 * p50Ms, p999Ms: 20 * p50Ms, maxMs: 50 })
const window = (rate: number) => ({
  seconds: 15,
  acknowledgedPerSecond: rate,
  deliveredPerSecond: 2 * rate,
  ownCopiesPerSecond: rate,
  acknowledgement: latency(rate / 10_000),
  delivery: latency(rate / 1_000),
  sendDelay: undefined,
  generatorCpuPercent: 95,
})
const faultless: MessagingReport = {
  kind: 'messaging',
  windows: [window(30_000), window(10_000), window(20_000)],
  drainMs: 3,
  deliveries: {
    sentCount: 9,
    acknowledgedCount: 9,
    deliveredCount: 9,
    refusedCount: 0,
    unansweredCount: 0,
    lostCount: 0,
    duplicateCount: 0,
    seqReorderedCount: 0,
    sendOrderBrokenCount: 0,
    seqGapCount: 0,
    strayCount: 0,
  },
  errorCodes: {},
}

describe('median', () => {
  it('is the middle, the mean of two middles, or nothing', () => {
    expect(median([3, 1, 2])).toBe(2)
    expect(median([4, 1, undefined, 3, 2])).toBe(2.5)
    expect(median([undefined])).toBeUndefined()
  })
})

describe('sumOfMetric', () => {
  it('adds a counter over its labels and leaves longer names alone', () => {
    const text =
      '# HELP commits_total c\ncommits_total{db="a b} c"} 3\ncommits_total{db="d"} 4.5 1700\ncommits_total_max 9\n'
    expect(sumOfMetric(text, 'commits_total')).toBe(7.5)
    expect(sumOfMetric(text, 'other')).toBeUndefined()
    expect(sumOfMetric(undefined, 'commits_total')).toBeUndefined()
  })
})

describe('results', () => {
  const machine = { cpuModel: 'CPU', coreCount: 2, memoryGiB: 8, platform: 'linux x64', node: 'v20', commit: 'abc' }
  const result = {
    workload: 'W1' as const,
    stack: 'embedded' as const,
    load: faultless,
    windows: [300, 100, 200].map((commitsPerSecond) => ({
      commitsPerSecond,
      cpuPercent: 99,
      cpuPercentOf: { server: 99 },
      machineCpuPercent: 234,
    })),
    residentBytesBefore: 100 * 2 ** 20,
    residentBytesPeak: 150 * 2 ** 20,
    bytesPerConnection: undefined,
    profile: undefined,
  }

  it('are medians over the windows, and name the machine', () => {
    const table = renderResults(machine, [result], false)
    expect(table).toContain('CPU, 2 cores')
    const cells = table
      .split('\n')
      .at(4)!
      .split('|')
      .map((cell) => cell.trim())
    expect(cells.slice(1, -1)).toEqual([
      'W1',
      'embedded',
      '20 000',
      '200',
      '2.00 / 20.0',
      '40 000',
      '20.0 / 200',
      '–',
      '99',
      '100 → 150',
      '95',
      'none',
    ])
    expect(table).toContain('may be the limit')
    expect(table).toContain('other processes used 40 % of a core')
  })

  it('tell of each process on services, and count none of them as a disturbance', () => {
    const cpuPercentOf = { api: 1, gateway: 40, mongodb: 88.4, redis: 9.6 }
    const windows = [{ commitsPerSecond: undefined, cpuPercent: 41, cpuPercentOf, machineCpuPercent: 234 }]
    const table = renderResults(machine, [{ ...result, stack: 'services' as const, windows }], false)
    expect(table).toContain('W1 on services, CPU % of each process: api 1, gateway 40, mongodb 88, redis 10.')
    expect(table).not.toContain('other processes')
    const idle = renderResults(machine, [{ ...result, stack: 'services' as const, windows: [] }], false)
    expect(idle).not.toContain('of each process')
  })

  it('name every fault', () => {
    const deliveries = { ...faultless.deliveries, lostCount: 2, sendOrderBrokenCount: 1 }
    expect(faultsOf({ ...faultless, deliveries, errorCodes: { 1402: 5 } })).toEqual([
      '2 acked but not delivered',
      '1 send order broken',
      '5 refused with 1402',
    ])
    expect(faultsOf(faultless)).toEqual([])
  })
})

describe('summarizeProfile', () => {
  const node = (id: number, functionName: string, url: string, children: number[] = []) => ({
    id,
    callFrame: { functionName, url, lineNumber: 9 },
    children,
  })
  const profile = {
    nodes: [
      node(5, '(root)', '', [1, 2, 4]),
      node(1, '(idle)', ''),
      node(2, 'write', 'file:///x/packages/gateway/dist/session.js', [3]),
      node(3, '', 'file:///x/packages/gateway/node_modules/ws/lib/sender.js', [6]),
      node(6, 'write', 'file:///x/packages/gateway/dist/session.js'),
      node(4, '(garbage collector)', ''),
    ],
    startTime: 1_000_000,
    samples: [1, 2, 3, 6, 4],
    timeDeltas: [500, 1_000, 3_000, 2_000, 4_000],
  }

  it('gives each sample the time until the next, apart from idling', () => {
    const { busyMs, idleMs, functions, modules, inclusive } = summarizeProfile([profile])
    expect({ busyMs, idleMs }).toEqual({ busyMs: 9, idleMs: 1 })
    expect(functions).toEqual([
      { name: 'write  gateway/dist/session.js:10', ms: 7, percent: (100 * 7) / 9 },
      { name: '(anonymous)  ws/lib/sender.js:10', ms: 2, percent: (100 * 2) / 9 },
      { name: '(garbage collector)', ms: 0, percent: 0 },
    ])
    expect(modules.map(({ name }) => name)).toEqual(['gateway', 'ws', '(garbage collector)'])
    expect(inclusive).toEqual([{ name: 'write  gateway/dist/session.js:10', ms: 9, percent: 100 }])
  })

  it('counts only samples within the spans', () => {
    const spans = [
      { beginUs: 1_000_000, endUs: 1_001_000 },
      { beginUs: 1_004_500, endUs: 1_006_000 },
    ]
    const { busyMs, idleMs, functions } = summarizeProfile([profile], spans)
    expect({ busyMs, idleMs }).toEqual({ busyMs: 2, idleMs: 1 })
    expect(functions.map(({ name, ms }) => [name, ms])).toEqual([['(anonymous)  ws/lib/sender.js:10', 2]])
  })
})
