import type { Milliseconds } from '@parlance/core'
import type { Cache } from '../cache.ts'
import type { Codec } from '../codec.ts'
import type { FetchMode } from '../reader.ts'

export interface CachedOptions<Args extends readonly unknown[]> {
  /** Makes the cache key of the method's arguments; its parameters are the method's, or fewer. */
  readonly key: (...args: Args) => string
  readonly ttlMs: Milliseconds
  /** @defaultValue 'strong' */
  readonly mode?: FetchMode
  /** @defaultValue the cache's codec */
  readonly codec?: Codec<unknown>
}

/** Where an instance keeps its cache, when it is not its property `cache`. */
export interface CacheOf<Self> {
  readonly cache: (self: Self) => Cache
}

/** Fits methods of `Self` that take `Args` and return a promise, as a legacy decorator and as a standard one. */
export interface CachedDecorator<Self, Args extends readonly unknown[]> {
  <R>(target: Self, name: string | symbol, descriptor: TypedPropertyDescriptor<(...args: Args) => Promise<R>>): void
  <R>(
    method: (this: Self, ...args: Args) => Promise<R>,
    context: ClassMethodDecoratorContext<Self>,
  ): (this: Self, ...args: Args) => Promise<R>
}

/**
 * Sends a method's calls through `cache.fetch`: the method is the loader, its arguments make the key.
 *
 * The cache is the instance's property `cache`, or what `cache: (self: MyClass) => …` answers. Everything else is as
 * {@link Cache.fetch} has it, which is also what to call where no decorator is wanted.
 *
 * @example
 * class Profiles {
 *   constructor(readonly cache: Cache) {}
 *   @Cached({ key: (id: string) => `profile:${id}`, ttlMs: 60_000 })
 *   async byId(id: string): Promise<Profile> { … }
 * }
 */
export function Cached<Self, Args extends readonly unknown[]>(
  options: CachedOptions<Args> & CacheOf<Self>,
): CachedDecorator<Self, Args>
export function Cached<Args extends readonly unknown[]>(
  options: CachedOptions<Args>,
): CachedDecorator<{ readonly cache: Cache }, Args>
export function Cached(options: CachedOptions<readonly unknown[]> & Partial<CacheOf<unknown>>): unknown {
  const { key, cache = cacheProperty, ...fetchOptions } = options
  const through = (method: Method): Method =>
    function (this: unknown, ...args) {
      return cache(this).fetch(key(...args), () => method.apply(this, args), fetchOptions)
    }
  return (methodOrTarget: unknown, _context: unknown, descriptor?: TypedPropertyDescriptor<Method>) => {
    if (descriptor?.value === undefined) return through(methodOrTarget as Method)
    descriptor.value = through(descriptor.value)
  }
}

type Method = (this: unknown, ...args: unknown[]) => Promise<unknown>

function cacheProperty(self: unknown): Cache {
  return (self as { readonly cache: Cache }).cache
}
