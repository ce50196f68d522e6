import type { Count } from '@parlance/core'
import { handleResults, roleLevels } from '@parlance/openim-protocol'
import type { GroupRequest } from '../entities/group-request.ts'
import type { Caller } from './caller.ts'
import { requireInGroup } from './group-permissions.ts'
import { groupRequestInfo, type GroupRequestInfo } from './group-request-info.ts'
import type { GroupState } from './group-state.ts'
import type { Groups } from './groups.ts'
import { type PageRequest, pageOf, rangeOf } from './page.ts'
import { pageTooDeep } from './refusals.ts'
import type { ImRepositories } from './repositories.ts'
import type { Users } from './users.ts'

/** Part of a list of applications. */
export interface GroupRequestPage {
  readonly total: Count
  readonly groupRequests: readonly GroupRequestInfo[]
}

/** Which applications of which groups; all where nothing is named. */
export interface GroupRequestFilter {
  readonly groupIDs: readonly string[]
  readonly handleResults: readonly number[]
}

/** What {@link GroupRequestLists} needs. */
export interface GroupRequestListsOptions {
  readonly repositories: Pick<ImRepositories, 'groupRequests' | 'groupMembers'>
  readonly state: GroupState
  readonly groups: Groups
  readonly users: Users
}

/** How deep lists of several groups can be paged, in rows read for one page. */
const maxMergedRows: Count = 20_000
/** Open applications of one group that a count since some time looks at. */
const maxCountedRows: Count = 1_000

type Row = Readonly<GroupRequest>

/** Applications for groups, as they are read: newest first. */
export class GroupRequestLists {
  readonly #requests: ImRepositories['groupRequests']
  readonly #members: ImRepositories['groupMembers']
  readonly #state: GroupState
  readonly #groups: Groups
  readonly #users: Users

  constructor({ repositories, state, groups, users }: GroupRequestListsOptions) {
    this.#requests = repositories.groupRequests
    this.#members = repositories.groupMembers
    this.#state = state
    this.#groups = groups
    this.#users = users
  }

  /**
   * Applications for the groups that a user owns or is admin of.
   *
   * @throws {@link ImError} 1803 for a page that lies too deep in the applications of many groups.
   */
  async received(userID: string, filter: GroupRequestFilter, request: PageRequest): Promise<GroupRequestPage> {
    const managed = await this.#managed(userID)
    const groupIDs =
      filter.groupIDs.length === 0 ? managed : managed.filter((groupID) => filter.groupIDs.includes(groupID))
    const { offset, limit: count } = rangeOf(request)
    const results = [...new Set(filter.handleResults)]
    const limit = offset + count
    if (offset > 0 && groupIDs.length * Math.max(1, results.length) * limit > maxMergedRows)
      throw pageTooDeep(maxMergedRows)
    const pages = await Promise.all(
      groupIDs.flatMap((groupID) =>
        results.length === 0
          ? [this.#requests.ofGroup.page({ groupID }, { limit })]
          : results.map((handleResult) => this.#requests.ofGroupByResult.page({ groupID, handleResult }, { limit })),
      ),
    )
    const rows = pages.flatMap((page) => page.rows).toSorted(byNewest)
    return {
      total: pages.reduce((sum, { total }) => sum + total, 0),
      groupRequests: await this.#infos(rows.slice(offset, limit)),
    }
  }

  /** A user's own applications, and those that others made for it. */
  async sent(userID: string, filter: GroupRequestFilter, request: PageRequest): Promise<GroupRequestPage> {
    if (filter.groupIDs.length === 0 && filter.handleResults.length === 0) {
      const { rows, total } = await this.#requests.ofUser.page({ userID }, rangeOf(request))
      return { total, groupRequests: await this.#infos(rows) }
    }
    const all = await this.#requests.ofUser({ userID })
    const fitting = all.filter(
      ({ groupID, handleResult }) =>
        (filter.groupIDs.length === 0 || filter.groupIDs.includes(groupID)) &&
        (filter.handleResults.length === 0 || filter.handleResults.includes(handleResult)),
    )
    return { total: fitting.length, groupRequests: await this.#infos(pageOf(fitting, request)) }
  }

  /**
   * Applications of these users for one group, as far as there are any, in the order asked.
   *
   * @throws {@link ImError} 1002 for who may not see those of others.
   */
  async ofUsers(caller: Caller, groupID: string, userIDs: readonly string[]): Promise<readonly GroupRequestInfo[]> {
    if (userIDs.some((userID) => userID !== caller.userID))
      requireInGroup('readRequests', await this.#state.actor(caller, groupID))
    const rows = await this.#requests.getMany(userIDs.map((userID) => ({ groupID, userID })))
    return this.#infos(rows.filter((row) => row !== undefined))
  }

  /** How many open applications there are for the groups a user manages, made after `sinceMs`; of each group the newest 1 000 count then. */
  async openCount(userID: string, sinceMs: number): Promise<Count> {
    const managed = await this.#managed(userID)
    const limit = sinceMs > 0 ? maxCountedRows : 1
    const counts = await Promise.all(
      managed.map(async (groupID) => {
        const by = { groupID, handleResult: handleResults.open }
        const { rows, total } = await this.#requests.ofGroupByResult.page(by, { limit })
        return sinceMs > 0 ? rows.filter(({ reqTime }) => reqTime.getTime() > sinceMs).length : total
      }),
    )
    return counts.reduce((sum, count) => sum + count, 0)
  }

  async #managed(userID: string): Promise<readonly string[]> {
    const memberships = await this.#members.ofUser({ userID })
    return memberships.filter(({ roleLevel }) => roleLevel >= roleLevels.admin).map(({ groupID }) => groupID)
  }

  async #infos(rows: readonly Row[]): Promise<readonly GroupRequestInfo[]> {
    const [groups, users] = await Promise.all([
      this.#groups.infos([...new Set(rows.map(({ groupID }) => groupID))]),
      this.#users.byID(rows.map(({ userID }) => userID)),
    ])
    const byID = new Map(groups.map((group) => [group.groupID, group]))
    return rows.map((row) => groupRequestInfo(row, byID.get(row.groupID), users))
  }
}

const byNewest = (a: Row, b: Row): number =>
  b.reqTime.getTime() - a.reqTime.getTime() || (a.groupID + a.userID < b.groupID + b.userID ? -1 : 1)
