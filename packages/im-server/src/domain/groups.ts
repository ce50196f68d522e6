import type { Count } from '@parlance/core'
import { type GroupInfo, roleLevels } from '@parlance/openim-protocol'
import type { Group } from '../entities/group.ts'
import type { GroupMember } from '../entities/group-member.ts'
import { type PageRequest, rangeOf } from './page.ts'
import { groupInfo, type GroupMemberInfo, memberInfo } from './profiles.ts'
import { groupNotFound } from './refusals.ts'
import type { ImRepositories } from './repositories.ts'
import type { Users } from './users.ts'

/** Which members a list shows: 0 all, 1 the owner, 2 admins, 3 ordinary ones, 4 admins and ordinary ones, 5 owner and admins. */
export type MemberFilter = 0 | 1 | 2 | 3 | 4 | 5

/** Whom a list of members shows. */
export interface MemberQuery {
  readonly filter: MemberFilter
  /** Part of the nickname or the user id; empty for everybody. */
  readonly keyword: string
}

/** What {@link Groups} needs. */
export interface GroupsOptions {
  readonly repositories: Pick<ImRepositories, 'groups' | 'groupMembers'>
  readonly users: Users
}

const shownRoles: Readonly<Record<Exclude<MemberFilter, 0>, readonly number[]>> = {
  1: [roleLevels.owner],
  2: [roleLevels.admin],
  3: [roleLevels.ordinary],
  4: [roleLevels.admin, roleLevels.ordinary],
  5: [roleLevels.owner, roleLevels.admin],
}

/** Groups and their members, as they are read. */
export class Groups {
  readonly #groups: ImRepositories['groups']
  readonly #members: ImRepositories['groupMembers']
  readonly #users: Users

  constructor({ repositories, users }: GroupsOptions) {
    this.#groups = repositories.groups
    this.#members = repositories.groupMembers
    this.#users = users
  }

  readonly isMember = async (groupID: string, userID: string): Promise<boolean> =>
    (await this.#members.get({ groupID, userID })) !== undefined

  /** Those of the groups that exist, in the order asked. Each costs a cached count and the first row of its members. */
  async infos(groupIDs: readonly string[]): Promise<readonly GroupInfo[]> {
    const rows = await this.#groups.getMany(groupIDs.map((groupID) => ({ groupID })))
    return Promise.all(rows.filter((row) => row !== undefined).map((row) => this.#info(row)))
  }

  /** @throws {@link ImError} 1201 when there is no such group. */
  async requireGroup(groupID: string): Promise<void> {
    if ((await this.#groups.get({ groupID })) === undefined) throw groupNotFound(groupID)
  }

  /** Those of the users that are members, in the order asked. */
  async members(groupID: string, userIDs: readonly string[]): Promise<readonly GroupMemberInfo[]> {
    const rows = await this.#members.getMany(userIDs.map((userID) => ({ groupID, userID })))
    return this.memberInfos(rows.filter((row) => row !== undefined))
  }

  /** One page of the members, owner and admins first, and how many the query fits. */
  async memberPage(
    groupID: string,
    { filter, keyword }: MemberQuery,
    request: PageRequest,
  ): Promise<{ readonly total: Count; readonly members: readonly GroupMemberInfo[] }> {
    if (filter === 0 && keyword === '') {
      const { rows, total } = await this.#members.ofGroup.page({ groupID }, rangeOf(request))
      return { total, members: await this.memberInfos(rows) }
    }
    const rows = await this.#members.ofGroup({ groupID })
    const ofRole = filter === 0 ? rows : rows.filter(({ roleLevel }) => shownRoles[filter].includes(roleLevel))
    const { offset, limit } = rangeOf(request)
    if (keyword === '')
      return { total: ofRole.length, members: await this.memberInfos(ofRole.slice(offset, offset + limit)) }
    const wanted = keyword.toLowerCase()
    const fitting = (await this.memberInfos(ofRole)).filter(
      ({ nickname, userID }) => nickname.toLowerCase().includes(wanted) || userID === keyword,
    )
    return { total: fitting.length, members: fitting.slice(offset, offset + limit) }
  }

  /** The ids of all members, owner and admins first. */
  async memberIDs(groupID: string): Promise<readonly string[]> {
    return (await this.#members.ofGroup.keys({ groupID })).map(({ userID }) => userID)
  }

  /** The ids of all groups a user is in, the one joined first first. */
  async joinedIDs(userID: string): Promise<readonly string[]> {
    return (await this.#members.ofUser.keys({ userID })).map(({ groupID }) => groupID)
  }

  /** One page of the groups a user is in, and how many there are. */
  async joinedPage(
    userID: string,
    request: PageRequest,
  ): Promise<{ readonly total: Count; readonly groups: readonly GroupInfo[] }> {
    const { rows, total } = await this.#members.ofUser.page({ userID }, rangeOf(request))
    return { total, groups: await this.infos(rows.map(({ groupID }) => groupID)) }
  }

  /** Members on the wire, with what their profiles say. */
  async memberInfos(rows: readonly Readonly<GroupMember>[]): Promise<readonly GroupMemberInfo[]> {
    const users = await this.#users.byID(rows.map(({ userID }) => userID))
    return rows.map((row) => memberInfo(row, users.get(row.userID)))
  }

  async #info(group: Readonly<Group>): Promise<GroupInfo> {
    const { groupID } = group
    const [first, memberCount] = await Promise.all([
      this.#members.ofGroup.page({ groupID }, { limit: 1 }),
      this.#members.countOfGroup({ groupID }),
    ])
    const owner = first.rows.find(({ roleLevel }) => roleLevel === roleLevels.owner)
    return groupInfo(group, owner?.userID ?? '', memberCount)
  }
}
