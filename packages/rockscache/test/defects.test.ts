import { Singleflight } from '@parlance/core'
import type { Cache, CacheOptions, CacheStore, Fill } from '@parlance/rockscache'
import { explore, type Scenario } from '@parlance/testing'
import { describe, expect, it } from 'vitest'
import { StoreCache } from '../src/cache.ts'
import { FreshFlights } from '../src/fresh-flights.ts'
import { batchScenario, leaseMs, strongScenario, twoProcesses, twoReadersOneProcess } from './world.ts'

/** Joins any flight under way, as a singleflight by key alone does. */
class FlightsByKeyAlone extends FreshFlights<Uint8Array | undefined> {
  readonly #plain = new Singleflight<string, Uint8Array | undefined>()

  override run(
    key: string,
    begin: Parameters<FreshFlights<Uint8Array | undefined>['run']>[1],
    signal: AbortSignal | undefined,
  ): Promise<Uint8Array | undefined> {
    return this.#plain.run(key, async (flight) => (await begin(flight))?.value, signal)
  }
}

/** The same, but whoever arrives after a mark made in this very process begins anew. */
class FlightsWithLocalEpochs extends FlightsByKeyAlone {
  readonly #local = new Singleflight<string, Uint8Array | undefined>()

  override run(
    key: string,
    begin: Parameters<FreshFlights<Uint8Array | undefined>['run']>[1],
    signal: AbortSignal | undefined,
  ): Promise<Uint8Array | undefined> {
    return this.#local.run(key, async (flight) => (await begin(flight))?.value, signal)
  }

  override invalidate(key: string): void {
    this.#local.invalidate(key)
  }
}

/** Stores whatever comes, whoever holds the lease. */
function ignoringOwners(store: CacheStore): CacheStore {
  let forced = 0
  const fill = async (fills: readonly Fill[]): Promise<boolean[]> => {
    const owner = `forced ${++forced}`
    const keys = fills.map(({ key }) => key)
    await store.markStale(keys, 0)
    await store.probe(keys, owner, leaseMs)
    return store.fill(fills, owner)
  }
  return new Proxy(store, { get: (target, name) => (name === 'fill' ? fill : bound(target, name)) })
}

/** Leaves the rest of a batch alone once a lease turns out to be lost. */
function stoppingAtFirstLostLease(store: CacheStore): CacheStore {
  const fill = async (fills: readonly Fill[], owner: string): Promise<boolean[]> => {
    const accepted: boolean[] = fills.map(() => false)
    for (const [index, one] of fills.entries()) {
      accepted[index] = (await store.fill([one], owner))[0] === true
      if (accepted[index] === false) break
    }
    return accepted
  }
  return new Proxy(store, { get: (target, name) => (name === 'fill' ? fill : bound(target, name)) })
}

function bound(target: CacheStore, name: string | symbol): unknown {
  const member: unknown = Reflect.get(target, name)
  return typeof member === 'function' ? (member.bind(target) as unknown) : member
}

describe('the explorer finds known defects when they are put back', () => {
  it('a singleflight by key alone serves what was read before a mark of its own process', async () => {
    const makeCache = (options: CacheOptions): Cache => new StoreCache(options, () => new FlightsByKeyAlone())
    const found = await explore(
      strongScenario({ makeCache }, async (world) => {
        await world.warm(0)
        twoReadersOneProcess(world)
        world.writer('A', 'writer', 1, true)
      }),
    )
    expect(found.violation?.message).toBe('a fetch returned version 0 after version 1 was marked')
  })

  it('epochs that only marks of its own process end do not help against marks of another', async () => {
    const makeCache = (options: CacheOptions): Cache => new StoreCache(options, () => new FlightsWithLocalEpochs())
    const scenario = (process: string): Scenario =>
      strongScenario({ makeCache }, async (world) => {
        await world.warm(0)
        twoReadersOneProcess(world)
        world.writer(process, 'writer', 1, process === 'A')
      })
    const [own, elsewhere] = [await explore(scenario('A')), await explore(scenario('W'))]
    expect(own.violation).toBeUndefined()
    expect(elsewhere.violation?.message).toBe('a fetch returned version 0 after version 1 was marked')
  })

  it('a fill that does not look at the owner brings an old value back', async () => {
    const found = await explore(
      strongScenario({ breakStore: ignoringOwners }, (world) => {
        twoProcesses(world)
        world.writer('W', 'writer')
      }),
    )
    expect(found.violation?.message).toBe('the cache was left with an older version than 1, which was marked')
  })

  it('a batch fill that stops at the first lost lease leaves the others leased', async () => {
    const found = await explore(batchScenario({ breakStore: stoppingAtFirstLostLease }))
    expect(found.violation?.message).toMatch(/is still leased|waited \d+ ms for a lease/)
  })
})
