import { randomInt } from 'node:crypto'
import { RowConflictError } from '@parlance/cached-repository'
import { type Clock, type Count, systemClock } from '@parlance/core'
import {
  type GroupInfo,
  groupStatus,
  groupTypes,
  joinSources,
  notificationTypes,
  roleLevels,
} from '@parlance/openim-protocol'
import { type Group, groups } from '../entities/group.ts'
import { type GroupMember, groupMembers } from '../entities/group-member.ts'
import type { User } from '../entities/user.ts'
import type { Caller } from './caller.ts'
import { newMember } from './new-member.ts'
import type { Notifications } from './notifications.ts'
import { groupInfo, memberInfo } from './profiles.ts'
import { badArgument, groupExists, noPermission } from './refusals.ts'
import type { ImRepositories } from './repositories.ts'
import type { Users } from './users.ts'

/** What a group is created with; an empty id is filled in. */
export type GroupDraft = Pick<
  Group,
  | 'groupID'
  | 'groupName'
  | 'notification'
  | 'introduction'
  | 'faceURL'
  | 'ex'
  | 'groupType'
  | 'needVerification'
  | 'lookMemberInfo'
  | 'applyMemberFriend'
>

/** Who is in a group from the start; nobody twice. */
export interface FirstMembers {
  readonly ownerUserID: string
  readonly adminUserIDs: readonly string[]
  readonly memberUserIDs: readonly string[]
}

/** What {@link GroupCreation} needs. */
export interface GroupCreationOptions {
  readonly repositories: Pick<ImRepositories, 'groupMembers' | 'together'>
  readonly users: Users
  readonly notifications: Notifications
  readonly clock?: Clock
}

const maxFirstMembers: Count = 1_000
/** Members whose profiles travel in the notification, the owner first; clients read the others from the member list. */
const maxToldMembers: Count = 50
const generatedIDTries = 10
const never = new Date(0)

/** Creates groups. */
export class GroupCreation {
  readonly #together: ImRepositories['together']
  readonly #members: ImRepositories['groupMembers']
  readonly #users: Users
  readonly #notifications: Notifications
  readonly #clock: Clock

  constructor({ repositories, users, notifications, clock = systemClock }: GroupCreationOptions) {
    this.#together = repositories.together
    this.#members = repositories.groupMembers
    this.#users = users
    this.#notifications = notifications
    this.#clock = clock
  }

  /**
   * Creates a group with its first members and tells them (1501).
   *
   * The group and its members are written together: a crash leaves all of it or nothing.
   *
   * The id is the draft's, or a generated number. Users choose no id with `_`: two user ids are joined by it, and the group's
   * notifications would take the name of that pair's.
   *
   * @throws {@link ImError} 1001 for a group that cannot be, 1002 for an id only administrators choose, 1101 naming users that do not exist, 1202 when the id is taken.
   */
  async create(caller: Caller, draft: GroupDraft, first: FirstMembers): Promise<GroupInfo> {
    if (draft.groupType !== groupTypes.working)
      throw badArgument(`groupInfo.groupType: only groups of type ${groupTypes.working} can be created`)
    if (!caller.isAdmin && draft.groupID.includes('_'))
      throw noPermission('groupInfo.groupID: only an administrator chooses an id with _; leave it empty to get one')
    const roles = rolesOf(first)
    const profiles = await this.#users.requireAll([...roles.keys()])
    const { group, members } = await this.#write(caller, draft, roles)
    const info = groupInfo(group, first.ownerUserID, members.length)
    await this.#announce(caller, info, members, profiles)
    return info
  }

  async #write(
    caller: Caller,
    draft: GroupDraft,
    roles: ReadonlyMap<string, number>,
  ): Promise<{ readonly group: Group; readonly members: readonly GroupMember[] }> {
    const now = new Date(this.#clock.now())
    const isGiven = draft.groupID !== ''
    for (let attempt = 1; ; attempt++) {
      const groupID = isGiven ? draft.groupID : generatedID()
      const group = {
        ...draft,
        groupID,
        creatorUserID: caller.userID,
        createTime: now,
        status: groupStatus.ok,
        notificationUpdateTime: never,
        notificationUserID: '',
      }
      const members = [...roles].map(([userID, roleLevel]) => memberRow(groupID, userID, roleLevel, caller, now))
      try {
        await this.#together((together) => {
          together.insert(groups, group)
          for (const member of members) together.put(groupMembers, member)
        })
        return { group, members }
      } catch (error) {
        if (!(error instanceof RowConflictError)) throw error
        if (isGiven || attempt === generatedIDTries) throw groupExists(groupID)
      }
    }
  }

  async #announce(
    caller: Caller,
    group: GroupInfo,
    members: readonly GroupMember[],
    profiles: ReadonlyMap<string, Readonly<User>>,
  ): Promise<void> {
    const { groupID, createTime } = group
    const [operator, version] = await Promise.all([
      profiles.get(caller.userID) ?? this.#users.byID([caller.userID]).then((found) => found.get(caller.userID)),
      this.#members.changesOfGroup({ groupID }).position(),
    ])
    const told = members.slice(0, maxToldMembers)
    const memberList = told.map((member) => memberInfo(member, profiles.get(member.userID)))
    const outsider = memberRow(groupID, caller.userID, 0, caller, never)
    const tips = {
      group,
      opUser: memberInfo(members.find(({ userID }) => userID === caller.userID) ?? outsider, operator),
      memberList,
      operationTime: createTime,
      groupOwnerUser: memberList[0],
      groupMemberVersion: version.version,
      groupMemberVersionID: version.epoch,
    }
    await this.#notifications.send({
      sendID: caller.userID,
      to: { groupID },
      contentType: notificationTypes.groupCreated,
      tips,
      operationID: caller.operationID,
      asMessage: true,
    })
  }
}

function rolesOf({ ownerUserID, adminUserIDs, memberUserIDs }: FirstMembers): ReadonlyMap<string, number> {
  const named = [ownerUserID, ...adminUserIDs, ...memberUserIDs]
  if (named.length > maxFirstMembers)
    throw badArgument(`a group is created with at most ${maxFirstMembers} members; invite the others afterwards`)
  const roles = new Map<string, number>([[ownerUserID, roleLevels.owner]])
  for (const userID of adminUserIDs) roles.set(userID, roleLevels.admin)
  for (const userID of memberUserIDs) roles.set(userID, roleLevels.ordinary)
  if (roles.size !== named.length)
    throw badArgument('a user is named twice as owner, admin or member; name each user once')
  return roles
}

const memberRow = (groupID: string, userID: string, roleLevel: number, caller: Caller, joinTime: Date): GroupMember =>
  newMember({
    groupID,
    userID,
    roleLevel,
    joinTime,
    joinSource: joinSources.invitation,
    inviterUserID: caller.userID,
    operatorUserID: caller.userID,
  })

const generatedID = (): string => String(randomInt(1_000_000_000, 10_000_000_000))
