import { createRepositories, type EntityStore } from '@parlance/cached-repository'
import { createInProcessChannel } from '@parlance/notification-bus/embedded'
import { type CacheStore, createCache } from '@parlance/rockscache'
import { createEmbeddedCacheStore } from '@parlance/rockscache/embedded'
import { settle, until, VirtualClock } from '@parlance/testing'
import { afterEach, describe, expect, it } from 'vitest'
import { post, posts } from './board.ts'
import { type House, openHouse } from './open-house.ts'

const key = { spaceID: 's1', postID: 1 }
const houses: House[] = []

function open(...parameters: Parameters<typeof openHouse>): House {
  const house = openHouse(...parameters)
  houses.push(house)
  return house
}

afterEach(async () => {
  for (const house of houses.splice(0)) {
    await house.close()
    house.folder.remove()
  }
})

/** A store whose reads wait at a gate: they have read when they arrive there, and return when it opens. */
function gated(store: EntityStore) {
  const gates: (() => void)[] = []
  let isShut = false
  const passing = async <T>(value: Promise<T>): Promise<T> => {
    const read = await value
    if (isShut) await new Promise<void>((resolve) => gates.push(resolve))
    return read
  }
  return {
    shut: () => (isShut = true),
    open: () => {
      isShut = false
      for (const pass of gates.splice(0)) pass()
    },
    get waiting() {
      return gates.length
    },
    store: {
      soleWriter: store.soleWriter,
      open: (schema) => store.open(schema),
      getMany: (schema, keys) => passing(store.getMany(schema, keys)),
      keysOf: (schema, view, by, range) => passing(store.keysOf(schema, view, by, range)),
      countOf: (schema, view, by) => passing(store.countOf(schema, view, by)),
      apply: (writes, effects) => store.apply(writes, effects),
      waitingSpreads: (afterID, limit) => store.waitingSpreads(afterID, limit),
      spread: (waiting, rows, limit, batchOf) => store.spread(waiting, rows, limit, batchOf),
    } satisfies EntityStore,
  }
}

describe('after a write has returned, no read shows what was there before', () => {
  it.each(['local', 'shared'] as const)('although a %s read had begun before it', async (read) => {
    let gate!: ReturnType<typeof gated>
    const house = open(({ store }) => ({ store: (gate = gated(store)).store }))
    const repository = house.repositories.of(posts)
    await repository.put(post({ title: 'old' }))
    gate.shut()
    const reads = [
      repository.get(key, { read }),
      repository.ofSpace.keys({ spaceID: 's1' }, { read }),
      repository.countOfAuthor({ authorID: 'a%1' }, { read }),
    ]
    await until('all have read', () => gate.waiting === 3)
    await repository.putMany([post({ title: 'new' }), post({ postID: 2.5 })])
    const after = Promise.all([
      repository.require(key, { read }),
      repository.ofSpace.keys({ spaceID: 's1' }, { read }),
      repository.countOfAuthor({ authorID: 'a%1' }, { read }),
    ])
    await until('those after it have read', () => gate.waiting === 6)
    gate.open()
    const [row, keys, count] = await after
    expect([row.title, keys.length, count]).toEqual(['new', 2, 2])
    await Promise.all(reads)
    expect((await repository.require(key, { read })).title).toBe('new')
    expect(await repository.ofSpace.keys({ spaceID: 's1' }, { read })).toHaveLength(2)
    expect(await repository.countOfAuthor({ authorID: 'a%1' }, { read })).toBe(2)
  })

  it('although the shared cache does not know yet', async () => {
    let release: (() => void) | undefined
    const released = async (): Promise<void> => {
      await until('the shared cache is being told', () => release !== undefined)
      release!()
      release = undefined
    }
    const house = open(({ cache }) => ({
      cache: {
        fetch: (...parameters) => cache.fetch(...parameters),
        fetchMany: (...parameters) => cache.fetchMany(...parameters),
        async markStale(keys) {
          await new Promise<void>((resolve) => (release = resolve))
          await cache.markStale(keys)
        },
      },
    }))
    const repository = house.repositories.of(posts)
    const first = repository.put(post({ title: 'old' }))
    await released()
    await first
    await repository.get(key)
    const position = await repository.changesOfSpace({ spaceID: 's1' }).position()
    const write = repository.patch(key, { title: 'new' })
    await until('the shared cache is being told', () => release !== undefined)
    expect((await repository.require(key)).title).toBe('new')
    expect((await repository.require(key, { read: 'shared' })).title).toBe('new')
    expect((await repository.getMany([{ ...key, postID: 9 }, key]))[1]!.title).toBe('new')
    const delta = await repository.changesOfSpace({ spaceID: 's1' }).since(position)
    // Where others read rows through the shared cache, the list says nothing before that knows.
    const isShown = house.parts.store.soleWriter
    expect(delta.kind === 'delta' && delta.updated.map(({ title }) => title)).toEqual(isShown ? ['new'] : [])
    await released()
    await write
    expect((await repository.require(key)).title).toBe('new')
  })

  it('although the shared cache cannot be told: reads go to the store until it is', async () => {
    const clock = new VirtualClock()
    let isDown = false
    let tries = 0
    const house = open(({ cache }) => ({
      clock,
      cache: {
        fetch: (...parameters) => cache.fetch(...parameters),
        fetchMany: (...parameters) => cache.fetchMany(...parameters),
        async markStale(keys) {
          tries++
          if (isDown) throw new Error('down')
          await cache.markStale(keys)
        },
      },
    }))
    const repository = house.repositories.of(posts)
    await repository.put(post({ title: 'old' }))
    await repository.get(key)
    isDown = true
    tries = 0
    await repository.patch(key, { title: 'new' })
    expect((await repository.require(key)).title).toBe('new')
    expect((await repository.require(key, { read: 'shared' })).title).toBe('new')
    await clock.advance(20_000)
    expect(tries).toBeGreaterThan(2)
    isDown = false
    await clock.advance(20_000)
    const settled = tries
    await clock.advance(20_000)
    expect(tries).toBe(settled)
    expect((await repository.require(key, { read: 'shared' })).title).toBe('new')
  })

  it('and other processes see it as soon as the shared cache was told, which the cache itself repeats', async () => {
    const clock = new VirtualClock()
    const embedded = createEmbeddedCacheStore({ clock })
    let isDown = false
    const store: CacheStore = {
      probe: (...step) => embedded.probe(...step),
      fill: (...step) => embedded.fill(...step),
      release: (...step) => embedded.release(...step),
      settled: (...step) => embedded.settled(...step),
      markStale: (...step) => (isDown ? Promise.reject(new Error('down')) : embedded.markStale(...step)),
    }
    const house = open(() => ({ clock, cache: createCache({ store, clock }) }))
    const there = createRepositories({ ...house.parts, cache: createCache({ store: embedded, clock }), clock }).of(
      posts,
    )
    const here = house.repositories.of(posts)
    await here.put(post({ title: 'old' }))
    expect((await there.require(key)).title).toBe('old')
    isDown = true
    await here.patch(key, { title: 'new' })
    expect((await here.require(key, { read: 'shared' })).title).toBe('new')
    await clock.advance(20_000)
    isDown = false
    await clock.advance(20_000)
    // Told by the cache, or by a store that has a clock of its own.
    await until('the other process is told', async () => (await there.require(key)).title === 'new')
    expect((await there.require(key, { read: 'shared' })).title).toBe('new')
    expect(clock.pendingCount).toBe(0)
  })

  it('a list put together while a row changed is not kept', async () => {
    let gate!: ReturnType<typeof gated>
    const house = open(({ store }) => ({ store: (gate = gated(store)).store }))
    const repository = house.repositories.of(posts)
    await repository.put(post({ title: 'old' }))
    gate.shut()
    const before = repository.ofSpace({ spaceID: 's1' })
    await until('it has read', () => gate.waiting > 0)
    await repository.patch(key, { title: 'new' })
    const after = repository.ofSpace({ spaceID: 's1' })
    await settle()
    gate.open()
    await Promise.all([before, after])
    expect((await after)[0]!.title).toBe('new')
    expect((await repository.ofSpace({ spaceID: 's1' }))[0]!.title).toBe('new')
  })
})

describe('two processes', () => {
  function openTwo(clock = new VirtualClock()) {
    const store = createEmbeddedCacheStore({ clock })
    const channel = createInProcessChannel()
    const muted = { publish: async () => undefined, subscribe: () => () => undefined }
    const house = open(() => ({ cache: createCache({ store, clock }), channel, clock }))
    const other = (isDeaf: boolean) =>
      createRepositories({
        ...house.parts,
        cache: createCache({ store, clock }),
        channel: isDeaf ? muted : channel,
        clock,
        local: { ttlMs: 1_000 },
      })
    return { here: house.repositories.of(posts), there: other(false).of(posts), deaf: other(true).of(posts), clock }
  }

  it('see each other through the channel, lists put together included', async () => {
    const { here, there } = openTwo()
    await here.put(post({ title: 'old' }))
    expect((await there.ofSpace({ spaceID: 's1' }))[0]!.title).toBe('old')
    await here.patch(key, { title: 'new' })
    expect((await there.require(key)).title).toBe('new')
    expect((await there.ofSpace({ spaceID: 's1' }))[0]!.title).toBe('new')
    await there.delete(key)
    expect(await here.get(key)).toBeUndefined()
    expect(await here.countOfAuthor({ authorID: 'a%1' })).toBe(0)
  })

  it('see each other in the shared cache without the channel, and locally once the time to live is over', async () => {
    const { here, deaf, clock } = openTwo()
    await here.put(post({ title: 'old' }))
    expect((await deaf.require(key)).title).toBe('old')
    await here.patch(key, { title: 'new' })
    expect((await deaf.require(key, { read: 'shared' })).title).toBe('new')
    expect((await deaf.require(key)).title).toBe('old')
    await clock.advance(1_000)
    expect((await deaf.require(key)).title).toBe('new')
  })
})

describe('the local cache', () => {
  it('asks the store once for readers that come together, and not again while it holds the value', async () => {
    let gate!: ReturnType<typeof gated>
    const house = open(({ store }) => ({ store: (gate = gated(store)).store }))
    const repository = house.repositories.of(posts)
    gate.shut()
    const reads = [repository.get(key), repository.get(key), repository.getMany([key, key])]
    await until('one has read', () => gate.waiting > 0)
    await settle()
    expect(gate.waiting).toBe(1)
    gate.open()
    await Promise.all(reads)
    gate.shut()
    expect(await repository.get(key)).toBeUndefined()
    expect(await repository.getMany([key])).toEqual([undefined])
    expect(gate.waiting).toBe(0)
  })

  it('stays within its bytes', async () => {
    let bytes = 0
    const house = open(() => ({
      local: { maxBytes: 20_000 },
      metrics: {
        counter: () => ({ add: () => undefined }),
        histogram: () => ({ observe: () => undefined }),
        gauge: (name) => ({
          set: (value) => void (name === 'parlance_repository_local_bytes' && (bytes = Math.max(bytes, value))),
        }),
      },
    }))
    const repository = house.repositories.of(posts)
    const rows = Array.from({ length: 100 }, (_, postID) => post({ postID, title: 'x'.repeat(200) }))
    await repository.putMany(rows)
    for (const row of rows) expect((await repository.require(row)).postID).toBe(row.postID)
    expect(bytes).toBeGreaterThan(10_000)
    expect(bytes).toBeLessThanOrEqual(20_000)
  })

  it('keeps nothing of a load that failed', async () => {
    let fails = true
    const house = open(({ store }) => ({
      store: {
        ...gated(store).store,
        getMany: (schema, keys) => (fails ? Promise.reject(new Error('gone')) : store.getMany(schema, keys)),
      },
    }))
    const repository = house.repositories.of(posts)
    await expect(repository.get(key)).rejects.toThrow('gone')
    await expect(repository.getMany([key, { ...key, postID: 2.5 }])).rejects.toThrow('gone')
    fails = false
    expect(await repository.get(key)).toBeUndefined()
  })
})
