import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { canStart } from '@parlance/testing/services'
import { describe, expect, it } from 'vitest'

import type { WorkloadResult } from '../src/runner/run-workload.ts'
import { faultsOf } from '../src/runner/result-table.ts'

const runner = fileURLToPath(new URL('../dist/runner/main.js', import.meta.url))

const run = async (...given: string[]): Promise<WorkloadResult[]> => {
  const args = [runner, '--quick', '--json', '--name', 'test', ...given]
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 64 * 1024 * 1024 })
  return (JSON.parse(stdout) as { results: WorkloadResult[] }).results
}

describe('a quick benchmark of the built server', () => {
  it('finishes every workload with nothing lost, doubled, reordered or refused', async () => {
    const results = await run('--room', '500')
    expect(results.map(({ workload }) => workload)).toEqual(['W1', 'W1-open', 'W2', 'W3', 'W4'])
    for (const { workload, load, bytesPerConnection } of results) {
      expect(faultsOf(load)).toEqual([])
      if (load.kind === 'messaging') {
        expect(load.deliveries.acknowledgedCount).toBe(load.deliveries.sentCount)
        expect(load.deliveries.deliveredCount).toBeGreaterThan(0)
      } else {
        expect(load.connectsPerSecond.length).toBeGreaterThan(0)
        expect(bytesPerConnection === undefined).toBe(workload === 'W4')
      }
    }
  })

  const services = (['redis', 'kafka', 'mongo'] as const).map((kind) => canStart(kind))
  it.skipIf(services.includes(false))(
    'finishes on services, each role in a process of its own, and tells the CPU time of each',
    async () => {
      const [{ stack, load, windows }] = (await run('--stack', 'services', '--only', 'W2', '--room', '50')) as [
        WorkloadResult,
      ]
      expect(stack).toBe('services')
      expect(faultsOf(load)).toEqual([])
      expect(load).toMatchObject({ kind: 'messaging', deliveries: { deliveredCount: expect.any(Number) } })
      expect(Object.keys(windows[0]!.cpuPercentOf)).toEqual([
        'api',
        'gateway',
        'transfer',
        'push',
        'cron',
        'mongodb',
        'redis',
        'kafka',
      ])
    },
  )
})
