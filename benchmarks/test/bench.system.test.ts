import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { describe, expect, it } from 'vitest'

import type { WorkloadResult } from '../src/runner/run-workload.ts'
import { faultsOf } from '../src/runner/result-table.ts'

const runner = fileURLToPath(new URL('../dist/runner/main.js', import.meta.url))

describe('a quick benchmark of the built server', () => {
  it('finishes every workload with nothing lost, doubled, reordered or refused', async () => {
    const args = [runner, '--quick', '--room', '500', '--json', '--name', 'test']
    const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 64 * 1024 * 1024 })
    const { results } = JSON.parse(stdout) as { results: WorkloadResult[] }
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
})
