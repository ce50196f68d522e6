import type { StreamRepositoryOf } from '@parlance/cached-repository'
import { afterEach, beforeEach } from 'vitest'
import { lines } from './lines.ts'
import { type House, openHouse } from './open-house.ts'

/** A house of its own for each test of the file that imports this, and its stream of lines. */
export let house: House
export let repository: StreamRepositoryOf<typeof lines>

beforeEach(() => {
  house = openHouse()
  repository = house.repositories.ofStream(lines)
})
afterEach(async () => {
  await house.log.close()
  await house.close()
  house.folder.remove()
})
