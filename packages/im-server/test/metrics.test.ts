import { PerformanceObserver } from 'node:perf_hooks'
import { expect, it, vi } from 'vitest'
import { createMetrics } from '../src/metrics.ts'

it('servers that come and go in one process leave one observer of it, and each shows it', async () => {
  const observe = vi.spyOn(PerformanceObserver.prototype, 'observe')
  const all = [createMetrics(), createMetrics(), createMetrics()]
  expect(observe).toHaveBeenCalledTimes(1)
  for (const [index, metrics] of all.entries()) {
    metrics.counter('things_total', 'things').add(index + 1)
    const text = await metrics.text()
    expect(text).toContain('process_cpu_seconds_total')
    expect(text).toMatch(new RegExp(`^things_total ${index + 1}$`, 'm'))
    expect(text.split('\n').filter((line) => line.startsWith('# TYPE process_cpu_seconds_total'))).toHaveLength(1)
  }
})
