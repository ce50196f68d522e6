import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { backoffMs, latencyBucketsMs, noMetrics, pause, silentLogger, systemClock, wait } from '@parlance/core'
import { ManualClock } from './manual-clock.ts'

describe('backoffMs', () => {
  it('stays between 1 ms and the bound of its try, for any numbers', () => {
    const options = fc.record({
      firstMs: fc.integer({ min: 1, max: 10_000 }),
      maxMs: fc.integer({ min: 1, max: 100_000 }),
      factor: fc.double({ min: 1, max: 10, noNaN: true }),
    })
    const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5_000 }), options, random, (attempt, given, drawn) => {
        const waitMs = backoffMs(attempt, { ...given, random: () => drawn })
        const span = Math.min(given.maxMs, given.firstMs * given.factor ** (attempt - 1))
        return Number.isInteger(waitMs) && waitMs >= 1 && waitMs <= Math.max(1, Math.ceil(span))
      }),
    )
  })

  it('grows by its factor up to its maximum', () => {
    const random = (): number => 0.999_999
    const waits = [1, 2, 3, 4, 5].map((attempt) => backoffMs(attempt, { firstMs: 100, maxMs: 1_000, random }))
    expect(waits).toEqual([100, 200, 400, 800, 1_000])
    expect(backoffMs(3, { firstMs: 10, maxMs: 1_000, factor: 3, random })).toBe(90)
  })

  it('draws from the whole span, so that callers part', () => {
    const options = { firstMs: 100, maxMs: 1_000 }
    expect(backoffMs(1, { ...options, random: () => 0 })).toBe(1)
    expect(backoffMs(1, { ...options, random: () => 0.5 })).toBe(50)
    expect(new Set(Array.from({ length: 50 }, () => backoffMs(4, options))).size).toBeGreaterThan(1)
  })
})

describe('wait', () => {
  it('resolves when its time has come', async () => {
    const clock = new ManualClock()
    let isOver = false
    const waiting = wait(clock, 100).then(() => {
      isOver = true
    })
    await clock.advance(99)
    expect(isOver).toBe(false)
    await clock.advance(1)
    await waiting
    expect(isOver).toBe(true)
  })

  it('throws the reason of its signal, at once or while waiting, and leaves no timer', async () => {
    const clock = new ManualClock()
    await expect(wait(clock, 100, AbortSignal.abort('before'))).rejects.toBe('before')
    const controller = new AbortController()
    const waiting = wait(clock, 100, controller.signal)
    expect(clock.pendingCount).toBe(1)
    controller.abort('meanwhile')
    await expect(waiting).rejects.toBe('meanwhile')
    expect(clock.pendingCount).toBe(0)
  })

  it('is over before an abort that comes later', async () => {
    const clock = new ManualClock()
    const controller = new AbortController()
    const waiting = wait(clock, 100, controller.signal)
    await clock.advance(100)
    controller.abort('too late')
    await expect(waiting).resolves.toBeUndefined()
  })
})

describe('pause', () => {
  it('is over when its time has come or its signal aborts, and leaves no timer', async () => {
    const clock = new ManualClock()
    const controller = new AbortController()
    const whole = pause(clock, 100, controller.signal)
    await clock.advance(100)
    await expect(whole).resolves.toBeUndefined()
    const cut = pause(clock, 100, controller.signal)
    controller.abort(new Error('it was closed'))
    await expect(cut).resolves.toBeUndefined()
    await expect(pause(clock, 100, controller.signal)).resolves.toBeUndefined()
    expect(clock.pendingCount).toBe(0)
  })
})

describe('systemClock', () => {
  it('tells the time, and runs a task once its delay is over', async () => {
    const before = Date.now()
    expect(systemClock.now()).toBeGreaterThanOrEqual(before)
    const started = systemClock.elapsed()
    const keepAlive = setInterval(() => undefined, 1_000)
    await new Promise<void>((resolve) => void systemClock.after(1, resolve))
    clearInterval(keepAlive)
    expect(systemClock.elapsed()).toBeGreaterThanOrEqual(started)
  })

  it('runs no task that was cancelled', async () => {
    let ran = false
    const timer = systemClock.after(0, () => {
      ran = true
    })
    timer.cancel()
    timer.cancel()
    const keepAlive = setInterval(() => undefined, 1_000)
    await new Promise<void>((resolve) => void systemClock.after(5, resolve))
    clearInterval(keepAlive)
    expect(ran).toBe(false)
  })
})

describe('the ports that do nothing', () => {
  it('take everything', () => {
    expect(() => {
      noMetrics.counter('c', 'help').add()
      noMetrics.gauge('g', 'help', { of: 'x' }).set(1)
      noMetrics.histogram('h', 'help', latencyBucketsMs).observe(1)
      for (const level of ['debug', 'info', 'warn', 'error'] as const) silentLogger[level]('words', { fact: 1 })
    }).not.toThrow()
  })

  it('offer latency buckets that grow', () => {
    expect(latencyBucketsMs.every((bound, index) => index === 0 || bound > (latencyBucketsMs[index - 1] ?? 0))).toBe(
      true,
    )
  })
})
