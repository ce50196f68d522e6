import { describe, expect, it } from 'vitest'
import {
  batchScenario,
  expectNoTimePassed,
  expectNoViolation,
  leaseMs,
  strongScenario,
  ttlMs,
  twoProcesses,
  twoReadersOneProcess,
  World,
} from './world.ts'

describe('strong fetches under every schedule', () => {
  it('two readers of one process, a writer elsewhere', async () => {
    await expectNoViolation(
      strongScenario({}, async (world) => {
        await world.warm(0)
        twoReadersOneProcess(world)
        world.writer('W', 'writer', 2)
      }),
    )
  })

  it('three readers of one process, two writers elsewhere', async () => {
    await expectNoViolation(
      strongScenario({}, async (world) => {
        await world.warm(0)
        for (const name of ['reader 1', 'reader 2', 'reader 3']) world.reader('A', name, 'strong', true)
        world.writer('V', 'writer 1')
        world.writer('W', 'writer 2')
      }),
    )
  })

  it('two readers of one process, one of another, a writer of a third', async () => {
    await expectNoViolation(
      strongScenario({}, async (world) => {
        await world.warm(0)
        twoReadersOneProcess(world)
        world.reader('B', 'reader 3')
        world.writer('W', 'writer')
      }),
    )
  })

  it('two readers of one process, two writers elsewhere, nothing cached', async () => {
    await expectNoViolation(
      strongScenario({}, (world) => {
        twoReadersOneProcess(world)
        world.writer('V', 'writer 1')
        world.writer('W', 'writer 2')
      }),
    )
  })

  it('a strong and an eventual reader of one process, a writer elsewhere', async () => {
    await expectNoViolation(async (run) => {
      const world = new World(run)
      await world.warm(0)
      world.reader('A', 'strong reader', 'strong', true)
      world.reader('A', 'eventual reader', 'eventual', true)
      world.writer('W', 'writer')
      return async () => {
        world.checkStrong()
        await world.checkCached()
      }
    })
  })

  it('readers and writer in one process', async () => {
    await expectNoViolation(
      strongScenario({}, async (world) => {
        await world.warm(0)
        twoReadersOneProcess(world)
        world.writer('A', 'writer', 1, true)
      }),
    )
  })

  it('two reading processes and two writers', async () => {
    await expectNoViolation(
      strongScenario({}, (world) => {
        twoProcesses(world)
        world.writer('V', 'writer 1')
        world.writer('W', 'writer 2')
      }),
    )
  })

  it('the lease runs out at any moment', async () => {
    await expectNoViolation(
      strongScenario({}, (world, run) => {
        twoProcesses(world)
        world.writer('W', 'writer')
        run.maybe('the lease runs out', () => run.clock.advance(leaseMs))
      }),
    )
  })

  it('the key is evicted at any moment', async () => {
    await expectNoViolation(
      strongScenario({}, async (world, run) => {
        await world.warm(0)
        twoProcesses(world)
        world.writer('W', 'writer')
        run.maybe('the key is evicted', () => world.evict())
      }),
    )
  })

  it('a reading process dies at any moment; the other is served, and no lease outlives its time', async () => {
    await expectNoViolation(async (run) => {
      const world = new World(run)
      twoProcesses(world)
      world.writer('W', 'writer')
      run.maybeCrash('A')
      return async () => {
        world.checkStrong()
        await world.checkCached()
        await run.clock.advance(leaseMs)
        await world.checkNoLease('k')
      }
    })
  })
})

describe('loads under every schedule', () => {
  it('of two processes one loads, the other waits for it', async () => {
    await expectNoViolation(async (run) => {
      const world = new World(run)
      twoProcesses(world)
      return () => {
        expectNoTimePassed(run)
        if (world.source.loadCount !== 1) throw new Error(`loaded ${world.source.loadCount} times`)
      }
    })
  })

  it('a mark that comes while others wait wakes them', async () => {
    await expectNoViolation(async (run) => {
      const world = new World(run)
      twoProcesses(world)
      world.writer('W', 'writer')
      return () => expectNoTimePassed(run)
    })
  })

  it('a failing load frees its lease at once and fails only its own process', async () => {
    await expectNoViolation(async (run) => {
      const world = new World(run)
      const failing = world.cacheOf('A', false)
      const source = world.sourceOf('A', false)
      const load = async (): Promise<number> => {
        await source.read()
        throw new Error('the source is down')
      }
      run.program('A', 'failing reader', async () => {
        const outcome = await failing.fetch('k', load, { ttlMs }).catch((error: unknown) => String(error))
        if (outcome !== 0 && outcome !== 'Error: the source is down') throw new Error(`unexpected: ${outcome}`)
      })
      world.reader('B', 'reader')
      return async () => {
        world.checkStrong()
        await world.checkNoLease('k')
        expectNoTimePassed(run)
      }
    })
  })

  it('an aborted fetch frees its lease at once and leaves the other reader of its process alone', async () => {
    await expectNoViolation(async (run) => {
      const world = new World(run)
      const cache = world.cacheOf('A', true)
      const source = world.sourceOf('A', true)
      const controller = new AbortController()
      const { signal } = controller
      run.program('A', 'aborted reader', async () => {
        await cache
          .fetch('k', () => source.read(), { ttlMs, signal })
          .catch((error: unknown) => {
            if (error !== signal.reason) throw error
          })
      })
      world.reader('A', 'reader', 'strong', true)
      run.maybe('abort', () => controller.abort())
      return async () => {
        world.checkStrong()
        await world.checkNoLease('k')
        expectNoTimePassed(run)
      }
    })
  })
})

describe('eventual fetches under every schedule', () => {
  it('return the old value at once while exactly one of two processes loads', async () => {
    const served = new Set<string>()
    await expectNoViolation(async (run) => {
      const world = new World(run)
      await world.warm(0)
      world.source.version = 1
      await world.store.markStale(['k'], 500)
      world.reader('A', 'reader 1', 'eventual')
      world.reader('B', 'reader 2', 'eventual')
      return async () => {
        const versions = world.reads.map(({ version }) => String(version))
        served.add(versions.toSorted().join())
        if (!versions.includes('0')) throw new Error('nobody was served the old value')
        if (world.source.loadCount > 1) throw new Error('both loaded')
        expectNoTimePassed(run)
      }
    })
    expect(served).toEqual(new Set(['0,0', '0,1']))
  })

  it('never serve the old value after its time, whoever else reads or marks', async () => {
    await expectNoViolation(async (run) => {
      const world = new World(run)
      await world.warm(0)
      world.source.version = 1
      await world.store.markStale(['k'], 500)
      let isOver = false
      run.maybe('the old value ends', async () => {
        await run.clock.advance(500)
        isOver = true
      })
      for (const process of ['A', 'B']) {
        const cache = world.cacheOf(process, false)
        const source = world.sourceOf(process, false)
        run.program(process, process, async () => {
          const wasOver = isOver
          const version = await cache.fetch('k', () => source.read(), { ttlMs, mode: 'eventual' })
          if (wasOver && version === 0) throw new Error('served the old value')
        })
      }
      world.writer('W', 'writer')
      return () => undefined
    })
  })
})

describe('batches under every schedule', () => {
  it('overlap in any way, a key lost to a mark, and leave no lease behind', async () => {
    await expectNoViolation(batchScenario({}))
  })
})
