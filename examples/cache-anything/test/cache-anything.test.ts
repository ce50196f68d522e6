import { expect, it } from 'vitest'
import { cacheProfiles } from '../src/cache-profiles.ts'

it('loads once, and again after the mark', async () => {
  const lines: string[] = []
  await cacheProfiles((line) => lines.push(line))
  expect(lines).toEqual([
    '100 reads of Ada: 1 load',
    'renamed, not marked yet: Ada',
    'marked stale: Augusta, 2 loads',
    'through the decorated method: Augusta, still 2 loads',
  ])
})
