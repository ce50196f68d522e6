import { describe, expect, it } from 'vitest'
import {
  ClosedError,
  InvalidArgumentError,
  Lifecycle,
  type LifecyclePart,
  OverloadedError,
  StartError,
  StopError,
} from '@parlance/core'
import { ManualClock, settle } from './manual-clock.ts'

/** Parts that write down what is done to them. */
function recorder() {
  const log: string[] = []
  const part = (name: string, more: Partial<LifecyclePart> = {}): LifecyclePart => ({
    name,
    start: () => void log.push(`start ${name}`),
    stop: () => void log.push(`stop ${name}`),
    ...more,
  })
  return { log, part }
}

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => undefined
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve: () => resolve() }
}

describe('Lifecycle', () => {
  it('starts in order and stops in reverse, once, for all who ask', async () => {
    const { log, part } = recorder()
    const life = new Lifecycle().add(part('a')).add(part('b')).add({ name: 'passive' })
    await Promise.all([life.start(), life.start()])
    await Promise.all([life.stop(), life.stop()])
    await life.stop()
    expect(log).toEqual(['start a', 'start b', 'stop b', 'stop a'])
  })

  it('starts a part only when the one before is ready', async () => {
    const { log, part } = recorder()
    const ready = deferred()
    const life = new Lifecycle().add(part('a', { start: () => ready.promise })).add(part('b'))
    const starting = life.start()
    await settle()
    expect(log).toEqual([])
    ready.resolve()
    await starting
    expect(log).toEqual(['start b'])
  })

  it('stops what was started when a part fails to start, and throws the part’s own error', async () => {
    const { log, part } = recorder()
    const failure = new OverloadedError('no room')
    const life = new Lifecycle()
      .add(part('a'))
      .add(part('b'))
      .add(part('c', { start: () => Promise.reject(failure) }))
      .add(part('d'))
    await expect(life.start()).rejects.toBe(failure)
    await life.stop()
    expect(log).toEqual(['start a', 'start b', 'stop b', 'stop a'])
  })

  it('wraps a foreign error that kept a part from starting', async () => {
    const failure = new Error('EADDRINUSE')
    const start = (): never => {
      throw failure
    }
    const starting = new Lifecycle().add({ name: 'server', start }).start()
    await expect(starting).rejects.toThrow(StartError)
    await expect(starting).rejects.toMatchObject({
      message: 'server could not start: EADDRINUSE',
      cause: failure,
      details: { part: 'server' },
    })
  })

  it('tells both when stopping after a failed start fails as well', async () => {
    const failure = new OverloadedError('no room')
    const starting = new Lifecycle()
      .add({ name: 'a', stop: () => Promise.reject(new Error('stuck')) })
      .add({ name: 'b', start: () => Promise.reject(failure) })
      .start()
    await expect(starting).rejects.toThrow('b could not start: no room; then could not stop a: stuck')
    await expect(starting).rejects.toMatchObject({ cause: failure })
  })

  it('stops every part although some fail, and names them', async () => {
    const { log, part } = recorder()
    const fail = (): never => {
      throw new Error('broken')
    }
    const life = new Lifecycle()
      .add(part('a'))
      .add(part('b', { stop: fail }))
      .add(part('c', { stop: () => Promise.reject(new Error('lost')) }))
    await life.start()
    const stopping = life.stop()
    await expect(stopping).rejects.toThrow(StopError)
    await expect(stopping).rejects.toMatchObject({ details: { failures: ['c: lost', 'b: broken'] } })
    expect(log.at(-1)).toBe('stop a')
  })

  it('leaves a part behind that does not stop in time, and stops the others', async () => {
    const { log, part } = recorder()
    const clock = new ManualClock()
    let signal: AbortSignal | undefined
    const hang = (given: AbortSignal): Promise<void> => {
      signal = given
      return new Promise(() => undefined)
    }
    const life = new Lifecycle(clock).add(part('a')).add(part('b', { stop: hang }))
    await life.start()
    const stopping = life.stop(500)
    const outcome = expect(stopping).rejects.toMatchObject({
      details: { failures: ['b: stopping took longer than 500 ms'] },
    })
    await clock.advance(499)
    expect(signal?.aborted).toBe(false)
    await clock.advance(1)
    expect(signal?.aborted).toBe(true)
    await outcome
    expect(log).toContain('stop a')
  })

  it('leaves no timer behind', async () => {
    const clock = new ManualClock()
    const life = new Lifecycle(clock).add({ name: 'a' })
    await life.start()
    await life.stop()
    expect(clock.pendingCount).toBe(0)
  })

  it('stopped while it starts, finishes the part at hand, starts no more and stops those that were', async () => {
    const { log, part } = recorder()
    const ready = deferred()
    const slow = async (): Promise<void> => {
      await ready.promise
      log.push('start b')
    }
    const life = new Lifecycle()
      .add(part('a'))
      .add(part('b', { start: slow }))
      .add(part('c'))
    const starting = life.start()
    await settle()
    const stopping = life.stop()
    await settle()
    ready.resolve()
    await Promise.all([starting, stopping])
    expect(log).toEqual(['start a', 'start b', 'stop b', 'stop a'])
  })

  it('stopped while a part fails to start tells the starter only', async () => {
    const ready = deferred()
    const fail = async (): Promise<void> => {
      await ready.promise
      throw new Error('no')
    }
    const life = new Lifecycle().add({ name: 'a', start: fail })
    const starting = life.start()
    const stopping = life.stop()
    ready.resolve()
    await expect(starting).rejects.toThrow(StartError)
    await stopping
  })

  it('does not start what was stopped, nor take parts it would never start', async () => {
    const { log, part } = recorder()
    const life = new Lifecycle().add(part('a'))
    await life.stop()
    await expect(life.start()).rejects.toThrow(ClosedError)
    expect(() => life.add(part('b'))).toThrow(InvalidArgumentError)
    expect(log).toEqual([])
  })
})
