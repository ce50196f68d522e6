import type { Cache } from '@parlance/rockscache'
import { Cached } from '@parlance/rockscache/decorators'

export interface Profile {
  readonly name: string
}

/** Some other system: slow, and not ours. */
export class Crm {
  readonly #names = new Map([['7', 'Ada']])
  loadCount = 0

  async loadProfile(id: string): Promise<Profile> {
    this.loadCount++
    return { name: this.#names.get(id) ?? 'nobody' }
  }

  async rename(id: string, name: string): Promise<void> {
    this.#names.set(id, name)
  }
}

/** The same cache entry as `cache.fetch('profile:…')`, by a decorator. */
export class Profiles {
  constructor(
    readonly cache: Cache,
    readonly crm: Crm,
  ) {}

  @Cached({ key: (id: string) => `profile:${id}`, ttlMs: 60_000 })
  async byId(id: string): Promise<Profile> {
    return this.crm.loadProfile(id)
  }
}
