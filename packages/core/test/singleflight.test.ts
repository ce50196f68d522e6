import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Flight, InvalidArgumentError, Singleflight } from '@parlance/core'
import { settle } from './manual-clock.ts'

/** Work that ends when the test says so. */
function flights() {
  const begun: { resolve: (value: string) => void; reject: (error: unknown) => void; flight: Flight }[] = []
  const begin = (flight: Flight): Promise<string> =>
    new Promise<string>((resolve, reject) => void begun.push({ resolve, reject, flight }))
  return { begun, begin }
}

describe('Singleflight', () => {
  it('lets callers of one key share a flight, and those of another not', async () => {
    const shared = new Singleflight<string, string>()
    const { begun, begin } = flights()
    const calls = [shared.run('a', begin), shared.run('a', begin), shared.run('b', begin)]
    expect([begun.length, shared.size]).toEqual([2, 2])
    begun[0]?.resolve('one')
    begun[1]?.resolve('two')
    expect(await Promise.all(calls)).toEqual(['one', 'one', 'two'])
    expect(shared.size).toBe(0)
  })

  it('begins anew when the flight has ended, well or not', async () => {
    const shared = new Singleflight<string, string>()
    const failure = new Error('down')
    const failed = [1, 2].map(() => shared.run('a', () => Promise.reject(failure)))
    for (const call of failed) await expect(call).rejects.toBe(failure)
    expect(await shared.run('a', async () => 'again')).toBe('again')
  })

  it('passes on what is thrown before there is a promise', async () => {
    const shared = new Singleflight<string, string>()
    const begin = (): never => {
      throw new RangeError('at once')
    }
    await expect(shared.run('a', begin)).rejects.toThrow(RangeError)
    expect(shared.size).toBe(0)
  })

  it('never lets a caller join a flight begun before an invalidation', async () => {
    const shared = new Singleflight<string, string>()
    const { begun, begin } = flights()
    const before = shared.run('a', begin)
    const other = shared.run('b', begin)
    shared.invalidate('a')
    const after = shared.run('a', begin)
    begun[0]?.resolve('old')
    expect(await before).toBe('old')
    expect(shared.run('a', begin)).toBe(after)
    begun[2]?.resolve('new')
    expect(await after).toBe('new')
    shared.invalidateAll()
    const later = shared.run('b', begin)
    begun[1]?.resolve('old b')
    begun[3]?.resolve('new b')
    expect(await Promise.all([other, later])).toEqual(['old b', 'new b'])
  })

  it('lets one caller abort without failing the others', async () => {
    const shared = new Singleflight<string, string>()
    const { begun, begin } = flights()
    const controller = new AbortController()
    const aborted = shared.run('a', begin, controller.signal)
    const patient = shared.run('a', begin)
    controller.abort('enough')
    await expect(aborted).rejects.toBe('enough')
    expect(begun[0]?.flight.isAbandoned).toBe(false)
    begun[0]?.resolve('value')
    expect(await patient).toBe('value')
  })

  it('begins nothing for a signal that has aborted, and lets no rejection go unhandled', async () => {
    const shared = new Singleflight<string, string>()
    const { begun, begin } = flights()
    await expect(shared.run('a', begin, AbortSignal.abort('no'))).rejects.toBe('no')
    expect(begun).toHaveLength(0)
    const controller = new AbortController()
    const aborted = shared.run('a', begin, controller.signal)
    controller.abort('enough')
    await expect(aborted).rejects.toBe('enough')
    begun[0]?.reject(new Error('nobody listens'))
    await settle()
  })

  it('tells a flight that its last caller has gone, and lets nobody join it', async () => {
    const shared = new Singleflight<string, string>()
    const { begun, begin } = flights()
    const controllers = [new AbortController(), new AbortController()]
    const calls = controllers.map(({ signal }) => shared.run('a', begin, signal))
    const signal = begun[0]?.flight.signal
    controllers[0]?.abort('one')
    expect(signal?.aborted).toBe(false)
    controllers[1]?.abort('two')
    expect([signal?.aborted, begun[0]?.flight.isAbandoned]).toEqual([true, true])
    for (const call of calls) await expect(call).rejects.toBeDefined()
    const next = shared.run('a', begin)
    begun[1]?.resolve('next')
    expect(await next).toBe('next')
  })

  it('shows a flight that asks late that it was abandoned', async () => {
    const shared = new Singleflight<string, string>()
    const { begun, begin } = flights()
    const controller = new AbortController()
    const call = shared.run('a', begin, controller.signal)
    controller.abort('enough')
    await expect(call).rejects.toBe('enough')
    expect(begun[0]?.flight.signal.aborted).toBe(true)
  })

  it('takes its listener off the signal of a caller that was served', async () => {
    const shared = new Singleflight<string, string>()
    const controller = new AbortController()
    let flight: Flight | undefined
    const begin = async (given: Flight): Promise<string> => {
      flight = given
      return 'value'
    }
    expect(await shared.run('a', begin, controller.signal)).toBe('value')
    controller.abort()
    expect(flight?.isAbandoned).toBe(false)
  })

  it('refuses a flight that asks for its own key', async () => {
    const shared = new Singleflight<string, string>()
    await expect(shared.run('a', () => shared.run('a', async () => 'never'))).rejects.toThrow(InvalidArgumentError)
    expect(shared.size).toBe(0)
  })

  it('gives every caller a flight of its own epoch or a later one, in any order of events', async () => {
    const event = fc.constantFrom('run', 'run', 'invalidate', 'invalidateAll', 'end')
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 40 }), async (events) => {
        const shared = new Singleflight<string, number>()
        const ends: (() => void)[] = []
        const calls: { readonly epoch: number; readonly flight: Promise<number> }[] = []
        let epoch = 0
        for (const what of events) {
          if (what === 'run') {
            const begin = (): Promise<number> => {
              const begunIn = epoch
              return new Promise((resolve) => void ends.push(() => resolve(begunIn)))
            }
            calls.push({ epoch, flight: shared.run('k', begin) })
          } else if (what === 'end') {
            ends.shift()?.()
            await settle()
          } else {
            epoch++
            if (what === 'invalidate') shared.invalidate('k')
            else shared.invalidateAll()
          }
        }
        for (const end of ends) end()
        for (const call of calls) expect(await call.flight).toBe(call.epoch)
        expect(shared.size).toBe(0)
      }),
    )
  })
})
