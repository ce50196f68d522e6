import { describe, expect, it } from 'vitest'
import { type Cache, createCache } from '@parlance/rockscache'
import { Cached } from '@parlance/rockscache/decorators'
import { createEmbeddedCacheStore } from '@parlance/rockscache/embedded'

const newCache = (): Cache => createCache({ store: createEmbeddedCacheStore() })

class Prices {
  readonly asked: string[] = []

  constructor(readonly cache: Cache) {}

  @Cached({ key: (symbol: string, day: number) => `price:${symbol}:${day}`, ttlMs: 60_000 })
  async of(symbol: string, day: number): Promise<{ symbol: string; day: number }> {
    this.asked.push(symbol)
    return { symbol, day }
  }
}

class Rates {
  loads = 0
  private readonly shared = newCache()

  @Cached({ cache: (self: Rates) => self.shared, key: (pair: string) => pair, ttlMs: 60_000, mode: 'eventual' })
  async of(pair: string): Promise<string> {
    this.loads++
    return pair
  }
}

describe('Cached', () => {
  it('sends calls through the property `cache` of the instance', async () => {
    const cache = newCache()
    const prices = new Prices(cache)
    expect(await prices.of('x', 1)).toEqual({ symbol: 'x', day: 1 })
    expect(await prices.of('x', 1)).toEqual({ symbol: 'x', day: 1 })
    expect(await prices.of('y', 1)).toEqual({ symbol: 'y', day: 1 })
    expect(prices.asked).toEqual(['x', 'y'])
    await cache.markStale('price:x:1')
    await prices.of('x', 1)
    expect(prices.asked).toEqual(['x', 'y', 'x'])
  })

  it('finds the cache where the option says, one per instance', async () => {
    const [one, two] = [new Rates(), new Rates()]
    await one.of('a')
    await one.of('a')
    await two.of('a')
    expect([one.loads, two.loads]).toEqual([1, 1])
  })

  it('works as a standard decorator', async () => {
    let loads = 0
    const self = { cache: newCache() }
    const method = async (id: string): Promise<string> => `${id}${++loads}`
    const context = { kind: 'method', name: 'byId' } as unknown as ClassMethodDecoratorContext<{
      readonly cache: Cache
    }>
    const cached = Cached({ key: (id: string) => id, ttlMs: 60_000 })(method, context)
    expect([await cached.call(self, 'a'), await cached.call(self, 'a')]).toEqual(['a1', 'a1'])
  })

  it('is checked by the compiler against the method and the instance', () => {
    class Wrong {
      // @ts-expect-error -- the key takes a number, the method a string
      @Cached({ cache: newCache, key: (id: number) => `k${id}`, ttlMs: 1 })
      async byId(id: string): Promise<string> {
        return id
      }

      // @ts-expect-error -- there is no property `cache`
      @Cached({ key: (id: string) => id, ttlMs: 1 })
      async byName(id: string): Promise<string> {
        return id
      }

      // @ts-expect-error -- the method returns no promise
      @Cached({ cache: newCache, key: (id: string) => id, ttlMs: 1 })
      direct(id: string): string {
        return id
      }
    }
    expect(new Wrong().direct('x')).toBeDefined()
  })
})
