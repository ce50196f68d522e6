import { cacheProfiles } from './cache-profiles.ts'

await cacheProfiles(console.log)
