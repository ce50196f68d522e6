import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { LatencyHistogram } from '../src/latency-histogram.ts'

function histogramOf(latenciesMs: readonly number[]): LatencyHistogram {
  const histogram = new LatencyHistogram()
  for (const latencyMs of latenciesMs) histogram.record(latencyMs)
  return histogram
}

describe('LatencyHistogram', () => {
  it('has no percentile before the first sample', () => {
    expect(histogramOf([]).percentileMs(0.5)).toBeUndefined()
  })

  it('gives the sample of the nearest rank', () => {
    const histogram = histogramOf(Array.from({ length: 100 }, (_, index) => (index + 1) / 100))
    expect(histogram.percentileMs(0.5)).toBeCloseTo(0.5, 3)
    expect(histogram.percentileMs(0.99)).toBeCloseTo(0.99, 3)
    expect(histogram.percentileMs(1)).toBeCloseTo(1, 3)
    expect(histogram.count).toBe(100)
  })

  it('keeps the exact maximum and never reports more', () => {
    const histogram = histogramOf([1, 12_345.678])
    expect(histogram.maxMs).toBe(12_345.678)
    expect(histogram.percentileMs(1)).toBeLessThanOrEqual(12_345.678)
  })

  it('counts what exceeds its range, and what a clock error gives', () => {
    const histogram = histogramOf([-1, 3e9])
    expect(histogram.count).toBe(2)
    expect(histogram.percentileMs(0.5)).toBe(0)
    expect(histogram.percentileMs(1)).toBeGreaterThan(2_000_000)
  })

  it('agrees with sorting all samples, within 0.1 % or a microsecond', () => {
    const latencies = fc.array(fc.double({ min: 0, max: 2_000_000, noNaN: true }), { minLength: 1, maxLength: 200 })
    fc.assert(
      fc.property(latencies, fc.double({ min: 0, max: 1, noNaN: true }), (latenciesMs, fraction) => {
        const sorted = latenciesMs.toSorted((left, right) => left - right)
        const rank = Math.max(1, Math.ceil(fraction * sorted.length))
        const exactMs = sorted[rank - 1]!
        const foundMs = histogramOf(latenciesMs).percentileMs(fraction)!
        expect(Math.abs(foundMs - exactMs)).toBeLessThanOrEqual(Math.max(0.001, exactMs * 0.001))
      }),
    )
  })
})
