import { type Clock, systemClock } from '@parlance/core'
import type { GroupInfo, NotificationType } from '@parlance/openim-protocol'
import type { GroupMember } from '../entities/group-member.ts'
import type { Caller } from './caller.ts'
import type { Groups } from './groups.ts'
import { newMember } from './new-member.ts'
import type { Notifications } from './notifications.ts'
import { type GroupMemberInfo, memberInfo } from './profiles.ts'
import type { ImRepositories } from './repositories.ts'
import type { Users } from './users.ts'

/** What all tips of groups have: who did it, and the version of the member list that clients have then. */
export interface GroupTipsFrame {
  readonly group: GroupInfo | undefined
  readonly opUser: GroupMemberInfo
  readonly operationTime: number
  readonly groupMemberVersion: number
  readonly groupMemberVersionID: string
}

/** Whom a notification of a group reaches, besides or instead of its members, and whether it is a message too. */
export interface GroupTelling {
  readonly asMessage?: boolean
  readonly alsoTo?: readonly string[]
  /** Members as they were just written: they are not read again. */
  readonly known?: readonly Readonly<GroupMember>[] | undefined
}

/** What {@link GroupTips} needs. */
export interface GroupTipsOptions {
  readonly repositories: Pick<ImRepositories, 'groupMembers'>
  readonly groups: Groups
  readonly users: Users
  readonly notifications: Notifications
  readonly clock?: Clock
}

/** Tells groups what was done in them, in the words that all of OpenIM's group notifications share. */
export class GroupTips {
  readonly #members: ImRepositories['groupMembers']
  readonly #groups: Groups
  readonly #users: Users
  readonly #notifications: Notifications
  readonly #clock: Clock

  constructor({ repositories, groups, users, notifications, clock = systemClock }: GroupTipsOptions) {
    this.#members = repositories.groupMembers
    this.#groups = groups
    this.#users = users
    this.#notifications = notifications
    this.#clock = clock
  }

  /** The common part, as of now. The caller is not read again when it is one of the `known` members. */
  async frame(caller: Caller, groupID: string, known: readonly Readonly<GroupMember>[] = []): Promise<GroupTipsFrame> {
    const self = known.filter(({ userID }) => userID === caller.userID)
    const [[group], opUser, position] = await Promise.all([
      this.#groups.infos([groupID]),
      self.length === 0 ? this.memberOrUser(groupID, caller.userID) : this.members(self).then(([member]) => member!),
      this.#members.changesOfGroup({ groupID }).position(),
    ])
    return {
      group,
      opUser,
      operationTime: this.#clock.now(),
      groupMemberVersion: position.version,
      groupMemberVersionID: position.epoch,
    }
  }

  /** Tells the group; the common part is added to `tips`, and read at the same time as they are. */
  async tell(
    caller: Caller,
    groupID: string,
    contentType: NotificationType,
    tips: object | Promise<object>,
    { asMessage = false, alsoTo, known }: GroupTelling = {},
  ): Promise<void> {
    const [frame, own] = await Promise.all([this.frame(caller, groupID, known), tips])
    await this.#notifications.send({
      sendID: caller.userID,
      to: alsoTo === undefined ? { groupID } : { groupID, alsoTo },
      contentType,
      tips: { ...frame, ...own },
      operationID: caller.operationID,
      asMessage,
    })
  }

  /** A member on the wire, or a user who is none: then with role level 0. */
  async memberOrUser(groupID: string, userID: string): Promise<GroupMemberInfo> {
    const [member] = await this.#groups.members(groupID, [userID])
    if (member !== undefined) return member
    const found = await this.#users.byID([userID])
    const outsider = newMember({ groupID, userID, roleLevel: 0, joinTime: new Date(0) })
    return memberInfo(outsider, found.get(userID))
  }

  /** Those of the users on the wire that are members. */
  membersOf(groupID: string, userIDs: readonly string[]): Promise<readonly GroupMemberInfo[]> {
    return this.#groups.members(groupID, userIDs)
  }

  /** Members on the wire, also those who just left. */
  members(rows: readonly Readonly<GroupMember>[]): Promise<readonly GroupMemberInfo[]> {
    return this.#groups.memberInfos(rows)
  }
}
