import type { Flight, Milliseconds } from '@parlance/core'
import type { Probe } from './cache-store.ts'
import type { Fresh, FreshFlights, Tick } from './fresh-flights.ts'
import { type CacheParts, type LoadRequest, loadPast, loadUnderLease } from './leased-load.ts'
import { orAborted } from './or-aborted.ts'

/**
 * How a fetch treats a key that was marked stale.
 *
 * `strong`: never returns what was loaded before a mark that was over when the fetch began.
 * `eventual`: returns the old value at once, while one caller loads the new one.
 */
export type FetchMode = 'strong' | 'eventual'

/**
 * After so many waits for others a read goes to the source without a lease. Each wait ended because the key changed hands,
 * so this takes a key that is marked faster than it can be loaded; without the bound its readers might wait for ever.
 */
const maxWaitCount = 8

type Bytes = Uint8Array | undefined

/** Reads keys as bytes: probes, waits for others, loads under leases. */
export class Reader {
  readonly #parts: CacheParts
  readonly #nextOwner: () => string
  readonly #flights: Readonly<Record<FetchMode, FreshFlights<Bytes>>>

  constructor(parts: CacheParts, nextOwner: () => string, newFlights: () => FreshFlights<Bytes>) {
    this.#parts = parts
    this.#nextOwner = nextOwner
    this.#flights = { strong: newFlights(), eventual: newFlights() }
  }

  /** One key, shared with everyone who reads it in the same mode at the same time. */
  one(key: string, mode: FetchMode, request: LoadRequest): Promise<Bytes> {
    const flights = this.#flights[mode]
    const tick = (): Tick => flights.tick()
    const begin = async (flight: Flight): Promise<Fresh<Bytes> | undefined> => {
      try {
        return await this.#fly(key, mode, request, flight, tick)
      } catch (error) {
        if (request.signal?.aborted) return undefined
        throw error
      }
    }
    return flights.run(key, begin, request.signal)
  }

  /** Many different keys: one probe, one load of all that are missing; then waits for those that others are filling. */
  async many(keys: readonly string[], mode: FetchMode, request: LoadRequest): Promise<Map<string, Bytes>> {
    const found = new Map<string, Bytes>()
    const owner = this.#nextOwner()
    let pending = await this.#pastTheCache(keys, request, found)
    for (let waits = 0; pending.length > 0; waits++) {
      request.signal?.throwIfAborted()
      const probes = await this.#probe(pending, owner)
      if (probes === undefined) {
        for (const [key, { value }] of await loadPast(this.#parts, pending, request, () => 0)) found.set(key, value)
        break
      }
      const plan = this.#plan(pending, probes, mode, found)
      if (plan.refresh.length > 0) this.#refresh(plan.refresh, owner, request)
      await this.#loadInto(found, plan.load, owner, request)
      pending = [...plan.wait.keys()]
      if (waits === maxWaitCount) {
        await this.#loadInto(found, pending, undefined, request)
        break
      }
      await orAborted(() => this.#settled(plan.wait), request.signal)
    }
    return found
  }

  /** Callers from now on do not join what began before. */
  invalidate(key: string): void {
    this.#flights.strong.invalidate(key)
    this.#flights.eventual.invalidate(key)
  }

  async #fly(
    key: string,
    mode: FetchMode,
    request: LoadRequest,
    flight: Flight,
    tick: () => Tick,
  ): Promise<Fresh<Bytes>> {
    const keys = [key]
    const owner = this.#nextOwner()
    for (let waits = 0; ; waits++) {
      const probedAt = tick()
      const probes = this.#parts.undelivered.holds(key) ? undefined : await this.#probe(keys, owner)
      if (probes === undefined) {
        const loaded = await loadPast(this.#parts, keys, { ...request, signal: flight.signal }, tick)
        return loaded.get(key) as Fresh<Bytes>
      }
      const probe = probes[0] as Probe
      const verdict = judge(probe, mode)
      if (verdict === 'hit' || verdict === 'stale' || verdict === 'refresh') {
        this.#parts.metrics[verdict === 'hit' ? 'hits' : 'staleReads'].add()
        if (verdict === 'refresh') this.#refresh(keys, owner, request)
        return {
          value: probe.state === 'hit' ? probe.value : probe.stale,
          freshAt: verdict === 'hit' ? probedAt : anytime,
        }
      }
      if (verdict === 'load' || waits === maxWaitCount) {
        const as = verdict === 'load' ? owner : undefined
        const loaded = await loadUnderLease(this.#parts, keys, as, { ...request, signal: flight.signal }, tick)
        return loaded.get(key) as Fresh<Bytes>
      }
      await this.#settled(new Map([[key, leftMs(probe)]]))
      if (flight.isAbandoned) flight.signal.throwIfAborted()
    }
  }

  /** Undefined when the shared cache could not be asked and the source is to be asked instead. */
  async #probe(keys: readonly string[], owner: string): Promise<readonly Probe[] | undefined> {
    const { store, leaseMs, whenDown, metrics, logger } = this.#parts
    try {
      return await store.probe(keys, owner, leaseMs)
    } catch (error) {
      metrics.storeErrors.add()
      if (whenDown === 'fail') throw error
      // The probe may have taken leases before its answer was lost.
      store.release(keys, owner).catch((failure: unknown) => {
        logger.debug('could not give leases back; they end by their time', { keyCount: keys.length, error: failure })
      })
      return undefined
    }
  }

  /** Loads the keys whose marks the shared cache still has to be told; answers the others. */
  async #pastTheCache(
    keys: readonly string[],
    request: LoadRequest,
    found: Map<string, Bytes>,
  ): Promise<readonly string[]> {
    const { undelivered } = this.#parts
    const held = keys.filter((key) => undelivered.holds(key))
    if (held.length === 0) return keys
    for (const [key, { value }] of await loadPast(this.#parts, held, request, () => 0)) found.set(key, value)
    return keys.filter((key) => !found.has(key))
  }

  /** Sorts keys by what is to be done, and puts those that are done already into `found`. */
  #plan(keys: readonly string[], probes: readonly Probe[], mode: FetchMode, found: Map<string, Bytes>): Plan {
    const { metrics } = this.#parts
    const plan: Plan = { load: [], refresh: [], wait: new Map() }
    for (const [index, key] of keys.entries()) {
      const probe = probes[index] as Probe
      const verdict = judge(probe, mode)
      if (verdict === 'load') plan.load.push(key)
      else if (verdict === 'wait') plan.wait.set(key, leftMs(probe))
      else {
        metrics[verdict === 'hit' ? 'hits' : 'staleReads'].add()
        if (verdict === 'refresh') plan.refresh.push(key)
        found.set(key, probe.state === 'hit' ? probe.value : probe.stale)
      }
    }
    return plan
  }

  async #loadInto(
    found: Map<string, Bytes>,
    keys: readonly string[],
    owner: string | undefined,
    request: LoadRequest,
  ): Promise<void> {
    if (keys.length === 0) return
    const loaded = await loadUnderLease(this.#parts, keys, owner, request, () => 0)
    for (const [key, { value }] of loaded) found.set(key, value)
  }

  /** Loads in the background, for nobody in particular: no caller's signal stops it, and its failure is only reported. */
  #refresh(keys: readonly string[], owner: string, { load, ttlMs }: LoadRequest): void {
    loadUnderLease(this.#parts, keys, owner, { load, ttlMs }, () => 0).catch((error: unknown) => {
      this.#parts.logger.warn('could not refresh stale values; the next reader tries again', {
        keyCount: keys.length,
        error,
      })
    })
  }

  async #settled(leftMsByKey: ReadonlyMap<string, Milliseconds>): Promise<void> {
    this.#parts.metrics.waits.add(leftMsByKey.size)
    const { store, leaseMs, metrics, logger } = this.#parts
    const waits = Array.from(leftMsByKey, ([key, leftMs]) => store.settled(key, Math.max(1, Math.min(leftMs, leaseMs))))
    try {
      await Promise.all(waits)
    } catch (error) {
      // A wait may end too early; the probe that follows it tells what is wrong.
      metrics.storeErrors.add()
      logger.debug('a wait for somebody who loads ended early', { error })
    }
  }
}

interface Plan {
  readonly load: string[]
  readonly refresh: string[]
  /** Keys that others may fill, with the time their leases have left. */
  readonly wait: Map<string, Milliseconds>
}

/** Fresh enough for every caller: staleness is what it asked for. */
const anytime: Tick = Infinity

function judge(probe: Probe, mode: FetchMode): 'hit' | 'stale' | 'refresh' | 'load' | 'wait' {
  if (probe.state === 'hit') return 'hit'
  if (mode === 'eventual' && probe.stale !== undefined) return probe.state === 'leased' ? 'refresh' : 'stale'
  return probe.state === 'leased' ? 'load' : 'wait'
}

function leftMs(probe: Probe): Milliseconds {
  return probe.state === 'busy' ? probe.leftMs : 0
}
