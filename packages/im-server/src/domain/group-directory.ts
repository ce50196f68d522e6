import type { Count } from '@parlance/core'
import { type GroupInfo, groupTypes } from '@parlance/openim-protocol'
import type { Groups } from './groups.ts'
import { type PageRequest, pageOf, rangeOf } from './page.ts'
import { tooManyGroupsToSearch } from './refusals.ts'
import type { ImRepositories } from './repositories.ts'
import type { Users } from './users.ts'
import { idHash } from './version-sync.ts'

/** A group as administrators see it. */
export interface ListedGroup {
  readonly groupInfo: GroupInfo
  readonly groupOwnerUserName: string
  readonly groupOwnerUserID: string
}

/** What tells clients whether their copy of a member list is complete. */
export interface GroupAbstract {
  readonly groupID: string
  readonly groupMemberNumber: Count
  readonly groupMemberListHash: number
}

/** What {@link GroupDirectory} needs. */
export interface GroupDirectoryOptions {
  readonly repositories: Pick<ImRepositories, 'groups'>
  readonly groups: Groups
  readonly users: Users
}

const maxSearchedCount: Count = 5_000

/** All groups of the server, for administrators, and groups in a few numbers. */
export class GroupDirectory {
  readonly #rows: ImRepositories['groups']
  readonly #groups: Groups
  readonly #users: Users

  constructor({ repositories, groups, users }: GroupDirectoryOptions) {
    this.#rows = repositories.groups
    this.#groups = groups
    this.#users = users
  }

  /**
   * One page of all groups, the newest first: the one of this id, those with this in their name, or all.
   *
   * @throws {@link ImError} 1803 for a name where more than 5 000 groups would have to be searched.
   */
  async page(
    { groupID, groupName }: { readonly groupID: string; readonly groupName: string },
    request: PageRequest,
  ): Promise<{ readonly total: Count; readonly groups: readonly ListedGroup[] }> {
    if (groupID !== '') {
      const found = await this.#groups.infos([groupID])
      return { total: found.length, groups: await this.#listed(pageOf(found, request)) }
    }
    const by = { groupType: groupTypes.working }
    if (groupName === '') {
      const { rows, total } = await this.#rows.ofType.page(by, rangeOf(request))
      return { total, groups: await this.#listed(await this.#infos(rows)) }
    }
    const { rows, total } = await this.#rows.ofType.page(by, { limit: maxSearchedCount })
    if (total > maxSearchedCount) throw tooManyGroupsToSearch(maxSearchedCount)
    const wanted = groupName.toLowerCase()
    const fitting = rows.filter((row) => row.groupName.toLowerCase().includes(wanted))
    return { total: fitting.length, groups: await this.#listed(await this.#infos(pageOf(fitting, request))) }
  }

  /** Number and hash of each group's members; of groups that do not exist there are none. */
  async abstracts(groupIDs: readonly string[]): Promise<readonly GroupAbstract[]> {
    return Promise.all(
      [...new Set(groupIDs)].map(async (groupID) => {
        const memberIDs = await this.#groups.memberIDs(groupID)
        return { groupID, groupMemberNumber: memberIDs.length, groupMemberListHash: Number(idHash(memberIDs)) }
      }),
    )
  }

  #infos(rows: readonly { readonly groupID: string }[]): Promise<readonly GroupInfo[]> {
    return this.#groups.infos(rows.map(({ groupID }) => groupID))
  }

  async #listed(infos: readonly GroupInfo[]): Promise<readonly ListedGroup[]> {
    const owners = await this.#users.byID(infos.map(({ ownerUserID }) => ownerUserID).filter((userID) => userID !== ''))
    return infos.map((groupInfo) => ({
      groupInfo,
      groupOwnerUserName: owners.get(groupInfo.ownerUserID)?.nickname ?? '',
      groupOwnerUserID: groupInfo.ownerUserID,
    }))
  }
}
