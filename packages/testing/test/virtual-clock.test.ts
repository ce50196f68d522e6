import { describe, expect, it } from 'vitest'
import { settle, VirtualClock } from '@parlance/testing'

describe('VirtualClock', () => {
  it('moves only when told to, wall time and elapsed time alike', async () => {
    const clock = new VirtualClock(1_000)
    await settle()
    expect([clock.now(), clock.elapsed()]).toEqual([1_000, 0])
    await clock.advance(250)
    expect([clock.now(), clock.elapsed()]).toEqual([1_250, 250])
  })

  it('fires timers in the order they are due, those of one moment as they were set, each at its time', async () => {
    const clock = new VirtualClock()
    const fired: string[] = []
    for (const [name, delayMs] of [
      ['late', 30],
      ['early', 10],
      ['second', 20],
      ['third', 20],
    ] as const)
      clock.after(delayMs, () => void fired.push(`${name} ${clock.elapsed()}`))
    await clock.advance(25)
    expect(fired).toEqual(['early 10', 'second 20', 'third 20'])
    expect(clock.pendingCount).toBe(1)
    await clock.advance(5)
    expect(fired.at(-1)).toBe('late 30')
  })

  it('fires timers that timers set, within the same step', async () => {
    const clock = new VirtualClock()
    const fired: number[] = []
    const tick = (): void => {
      fired.push(clock.elapsed())
      clock.after(10, tick)
    }
    clock.after(10, tick)
    await clock.advance(35)
    expect(fired).toEqual([10, 20, 30])
  })

  it('lets promises settle before time moves on', async () => {
    const clock = new VirtualClock()
    const seen: number[] = []
    clock.after(10, () => void Promise.resolve().then(() => seen.push(clock.elapsed())))
    clock.after(20, () => undefined)
    await clock.advance(20)
    expect(seen).toEqual([10])
  })

  it('does not fire what was cancelled', async () => {
    const clock = new VirtualClock()
    let fired = 0
    const timer = clock.after(10, () => void fired++)
    timer.cancel()
    timer.cancel()
    await clock.advance(20)
    expect(fired).toBe(0)
  })

  it('moves on to the next timer, and says when there is none', async () => {
    const clock = new VirtualClock()
    let fired = 0
    for (const delayMs of [40, 40, 90]) clock.after(delayMs, () => void fired++)
    expect(await clock.advanceToNext()).toBe(true)
    expect([clock.elapsed(), fired]).toEqual([40, 2])
    expect(await clock.advanceToNext()).toBe(true)
    expect(await clock.advanceToNext()).toBe(false)
    expect([clock.elapsed(), fired]).toEqual([90, 3])
  })
})
