import { createCache } from '@parlance/rockscache'
import { createEmbeddedCacheStore } from '@parlance/rockscache/embedded'
import { Crm, Profiles } from './profiles.ts'

/** Reads a profile many times, changes it, and reads it again. */
export async function cacheProfiles(say: (line: string) => void): Promise<void> {
  const cache = createCache({ store: createEmbeddedCacheStore() })
  const crm = new Crm()
  const load = () => cache.fetch('profile:7', () => crm.loadProfile('7'), { ttlMs: 60_000, mode: 'strong' })

  const many = await Promise.all(Array.from({ length: 100 }, load))
  say(`100 reads of ${many[0]?.name}: ${crm.loadCount} load`)

  await crm.rename('7', 'Augusta')
  say(`renamed, not marked yet: ${(await load())?.name}`)
  await cache.markStale('profile:7')
  say(`marked stale: ${(await load())?.name}, ${crm.loadCount} loads`)

  const profiles = new Profiles(cache, crm)
  say(`through the decorated method: ${(await profiles.byId('7')).name}, still ${crm.loadCount} loads`)
}
