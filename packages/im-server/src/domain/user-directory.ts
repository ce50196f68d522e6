import type { Count } from '@parlance/core'
import { appLevels, type UserInfo } from '@parlance/openim-protocol'
import { type PageRequest, rangeOf } from './page.ts'
import { userInfo } from './profiles.ts'
import type { ImRepositories } from './repositories.ts'

const levels = Object.values(appLevels)

/** Lists of all accounts, for administrators. */
export class UserDirectory {
  readonly #users: ImRepositories['users']

  constructor({ users }: Pick<ImRepositories, 'users'>) {
    this.#users = users
  }

  /** One page of all accounts, level by level, in the order registered; and how many there are. Reads little more than the page. */
  async page(request: PageRequest): Promise<{ readonly total: Count; readonly users: readonly UserInfo[] }> {
    let { offset, limit } = rangeOf(request)
    let total = 0
    const users: UserInfo[] = []
    for (const appMangerLevel of levels) {
      // One row more than none: a page has to ask for something to learn how many there are.
      const page = await this.#users.ofLevel.page({ appMangerLevel }, { offset, limit: Math.max(1, limit) })
      const taken = page.rows.slice(0, limit)
      users.push(...taken.map(userInfo))
      total += page.total
      limit -= taken.length
      offset = Math.max(0, offset - page.total)
    }
    return { total, users }
  }
}
