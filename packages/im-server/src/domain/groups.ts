import type { Count } from '@parlance/core'
import { groupConversationID, type GroupInfo, roleLevels } from '@parlance/openim-protocol'
import type { Group } from '../entities/group.ts'
import type { GroupMember } from '../entities/group-member.ts'
import { isKept } from './messages/addresses.ts'
import { type PageRequest, rangeOf } from './page.ts'
import { groupInfo, type GroupMemberInfo, memberInfo } from './profiles.ts'
import { tooManyToSearch } from './refusals.ts'
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
  readonly repositories: Pick<ImRepositories, 'groups' | 'groupMembers' | 'conversations'>
  readonly users: Users
}

const leadersPageCount: Count = 200
const maxSearchedCount: Count = 5_000

/** Part of the list of members, which begins with the owner, then the admins. */
interface Span {
  readonly start: number
  readonly end: number
}

/** Groups and their members, as they are read. */
export class Groups {
  readonly #groups: ImRepositories['groups']
  readonly #members: ImRepositories['groupMembers']
  readonly #conversations: ImRepositories['conversations']
  readonly #users: Users

  constructor({ repositories, users }: GroupsOptions) {
    this.#groups = repositories.groups
    this.#members = repositories.groupMembers
    this.#conversations = repositories.conversations
    this.#users = users
  }

  readonly isMember = async (groupID: string, userID: string): Promise<boolean> =>
    (await this.#members.get({ groupID, userID })) !== undefined

  /** Whether the user left the group and keeps what was said before. */
  readonly hasLeft = async (groupID: string, userID: string): Promise<boolean> => {
    const conversationID = groupConversationID(groupID)
    const row = await this.#conversations.get({ ownerUserID: userID, conversationID })
    return isKept(row) && !(await this.isMember(groupID, userID))
  }

  /** Those of the groups that exist, in the order asked. Each costs a cached count and the first row of its members. */
  async infos(groupIDs: readonly string[]): Promise<readonly GroupInfo[]> {
    const rows = await this.#groups.getMany(groupIDs.map((groupID) => ({ groupID })))
    return Promise.all(rows.filter((row) => row !== undefined).map((row) => this.#info(row)))
  }

  /** Those of the users that are members, in the order asked. */
  async members(groupID: string, userIDs: readonly string[]): Promise<readonly GroupMemberInfo[]> {
    const rows = await this.#members.getMany(userIDs.map((userID) => ({ groupID, userID })))
    return this.memberInfos(rows.filter((row) => row !== undefined))
  }

  /**
   * One page of the members, owner and admins first, and how many the query fits. Reads only the page, and the admins.
   *
   * @throws {@link ImError} 1803 for a keyword where more than 5 000 members would have to be searched.
   */
  async memberPage(
    groupID: string,
    { filter, keyword }: MemberQuery,
    request: PageRequest,
  ): Promise<{ readonly total: Count; readonly members: readonly GroupMemberInfo[] }> {
    const { start, end } = await this.#span(groupID, filter)
    const { offset, limit } = rangeOf(request)
    if (keyword === '') {
      const rows = await this.#slice(groupID, { start: start + offset, end: Math.min(end, start + offset + limit) })
      return { total: end - start, members: await this.memberInfos(rows) }
    }
    if (end - start > maxSearchedCount) throw tooManyToSearch(maxSearchedCount)
    const wanted = keyword.toLowerCase()
    const members = await this.memberInfos(await this.#slice(groupID, { start, end }))
    const fitting = members.filter(
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

  async #slice(groupID: string, { start, end }: Span): Promise<readonly Readonly<GroupMember>[]> {
    if (start >= end) return []
    return (await this.#members.ofGroup.page({ groupID }, { offset: start, limit: end - start })).rows
  }

  async #span(groupID: string, filter: MemberFilter): Promise<Span> {
    const total = await this.#members.countOfGroup({ groupID })
    if (filter === 0) return { start: 0, end: total }
    const { ownerCount, adminCount } = await this.#leaders(groupID)
    const leaderCount = ownerCount + adminCount
    const spans: Readonly<Record<Exclude<MemberFilter, 0>, Span>> = {
      1: { start: 0, end: ownerCount },
      2: { start: ownerCount, end: leaderCount },
      3: { start: leaderCount, end: total },
      4: { start: ownerCount, end: total },
      5: { start: 0, end: leaderCount },
    }
    return spans[filter]
  }

  async #leaders(groupID: string): Promise<{ readonly ownerCount: Count; readonly adminCount: Count }> {
    let ownerCount = 0
    let adminCount = 0
    for (let offset = 0; ; offset += leadersPageCount) {
      const { rows } = await this.#members.ofGroup.page({ groupID }, { offset, limit: leadersPageCount })
      for (const { roleLevel } of rows) {
        if (roleLevel < roleLevels.admin) return { ownerCount, adminCount }
        if (roleLevel === roleLevels.owner) ownerCount++
        else adminCount++
      }
      if (rows.length < leadersPageCount) return { ownerCount, adminCount }
    }
  }

  async #info(group: Readonly<Group>): Promise<GroupInfo> {
    const { groupID } = group
    const { rows, total } = await this.#members.ofGroup.page({ groupID }, { limit: 1 })
    const owner = rows.find(({ roleLevel }) => roleLevel === roleLevels.owner)
    return groupInfo(group, owner?.userID ?? '', total)
  }
}
