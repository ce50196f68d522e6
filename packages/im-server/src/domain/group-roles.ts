import type { RevisedRow } from '@parlance/cached-repository'
import { type Clock, systemClock } from '@parlance/core'
import { notificationTypes, roleLevels } from '@parlance/openim-protocol'
import { type GroupMember, groupMembers } from '../entities/group-member.ts'
import { againOnConflict } from './again-on-conflict.ts'
import type { Caller } from './caller.ts'
import { type GroupActor, requireInGroup, targetOf } from './group-permissions.ts'
import type { GroupState } from './group-state.ts'
import type { GroupTips } from './group-tips.ts'
import { badArgument } from './refusals.ts'
import type { ImRepositories } from './repositories.ts'

/** What may be changed of a member; what is absent stays. */
export interface MemberChange extends Partial<Pick<GroupMember, 'nickname' | 'faceURL' | 'ex' | 'roleLevel'>> {
  readonly groupID: string
  readonly userID: string
}

/** What {@link GroupRoles} needs. */
export interface GroupRolesOptions {
  readonly repositories: Pick<ImRepositories, 'together'>
  readonly state: GroupState
  readonly tips: GroupTips
  readonly clock?: Clock
}

/** Who is what in a group, what members are called there, and who is muted. */
export class GroupRoles {
  readonly #together: ImRepositories['together']
  readonly #state: GroupState
  readonly #tips: GroupTips
  readonly #clock: Clock

  constructor({ repositories, state, tips, clock = systemClock }: GroupRolesOptions) {
    this.#together = repositories.together
    this.#state = state
    this.#tips = tips
    this.#clock = clock
  }

  /**
   * Owner and another member swap roles, and the new owner is not muted any more (1507). One step: there is one owner always.
   *
   * @throws {@link ImError} 1001 when the old owner is not the owner, 1002 for who may not, 1201, 1203, 1204.
   */
  async transfer(caller: Caller, groupID: string, oldOwnerUserID: string, newOwnerUserID: string): Promise<void> {
    if (oldOwnerUserID === newOwnerUserID)
      throw badArgument('newOwnerUserID: is the owner already; name another member')
    await againOnConflict(async () => {
      await this.#state.open(groupID)
      const actor = await this.#state.actor(caller, groupID)
      requireInGroup('transfer', actor, 'member')
      const [oldOwner, newOwner] = await this.#state.requireMembers(groupID, [oldOwnerUserID, newOwnerUserID])
      if (targetOf(oldOwner!.row.roleLevel) !== 'owner')
        throw badArgument(`oldOwnerUserID: ${oldOwnerUserID} does not own group ${groupID}`)
      await this.#together((together) => {
        together.patch(groupMembers, keyOf(oldOwner!), { roleLevel: newOwner!.row.roleLevel }, revisionOf(oldOwner!))
        const owning = { roleLevel: roleLevels.owner, muteEndTime: new Date(0) }
        together.patch(groupMembers, keyOf(newOwner!), owning, revisionOf(newOwner!))
      })
    })
    const [newGroupOwner, oldGroupOwnerInfo] = await Promise.all([
      this.#tips.memberOrUser(groupID, newOwnerUserID),
      this.#tips.memberOrUser(groupID, oldOwnerUserID),
    ])
    const tips = { newGroupOwner, oldGroupOwner: oldOwnerUserID, oldGroupOwnerInfo }
    await this.#tips.tell(caller, groupID, notificationTypes.groupOwnerTransferred, tips, { asMessage: true })
  }

  /**
   * Changes members, all of them or none: their name, face and ex in the group (1516), and who is an admin (1517, 1518).
   *
   * @throws {@link ImError} 1001 for a member named twice, 1002 for who may not, 1201, 1203, 1204.
   */
  async change(caller: Caller, changes: readonly MemberChange[]): Promise<void> {
    const names = changes.map(({ groupID, userID }) => JSON.stringify([groupID, userID]))
    if (new Set(names).size < names.length) throw badArgument('members: a member is named twice; name each once')
    const changed = await againOnConflict(async () => {
      const found: RevisedRow<GroupMember>[] = []
      for (const change of changes) found.push(await this.#mayChange(caller, change))
      await this.#together((together) => {
        for (const [at, { groupID, userID, ...change }] of changes.entries())
          together.patch(groupMembers, { groupID, userID }, change, revisionOf(found[at]!))
      })
      return found.map(({ row }) => row)
    })
    for (const [at, { groupID, userID, roleLevel }] of changes.entries()) {
      const changedUser = await this.#tips.memberOrUser(groupID, userID)
      const contentType =
        roleLevel === undefined || roleLevel === changed[at]!.roleLevel
          ? notificationTypes.groupMemberInfoSet
          : roleLevel === roleLevels.admin
            ? notificationTypes.groupMemberSetToAdmin
            : notificationTypes.groupMemberSetToOrdinary
      await this.#tips.tell(caller, groupID, contentType, { changedUser, groupSortVersion: 0 })
    }
  }

  /**
   * Lets a member not write for a while (1512).
   *
   * @throws {@link ImError} 1002 for who may not, 1201, 1203, 1204.
   */
  async mute(caller: Caller, groupID: string, userID: string, mutedSeconds: number): Promise<void> {
    const until = new Date(this.#clock.now() + mutedSeconds * 1000)
    await this.#setMuteEnd(caller, groupID, userID, until)
    const mutedUser = await this.#tips.memberOrUser(groupID, userID)
    const tips = { mutedUser, mutedSeconds }
    await this.#tips.tell(caller, groupID, notificationTypes.groupMemberMuted, tips, { asMessage: true })
  }

  /**
   * Lets a muted member write again (1513). Nothing happens to one who is not muted.
   *
   * @throws {@link ImError} 1002 for who may not, 1201, 1203, 1204.
   */
  async unmute(caller: Caller, groupID: string, userID: string): Promise<void> {
    if (!(await this.#setMuteEnd(caller, groupID, userID, new Date(0)))) return
    const mutedUser = await this.#tips.memberOrUser(groupID, userID)
    await this.#tips.tell(caller, groupID, notificationTypes.groupMemberCancelMuted, { mutedUser }, { asMessage: true })
  }

  #setMuteEnd(caller: Caller, groupID: string, userID: string, muteEndTime: Date): Promise<boolean> {
    return againOnConflict(async () => {
      await this.#state.open(groupID)
      const actor = await this.#state.actor(caller, groupID)
      requireInGroup('mute', actor, 'member')
      const member = await this.#state.requireMember(groupID, userID)
      requireInGroup('mute', actor, targetOf(member.row.roleLevel))
      if (member.row.muteEndTime.getTime() === muteEndTime.getTime()) return false
      await this.#together((together) =>
        together.patch(groupMembers, { groupID, userID }, { muteEndTime }, revisionOf(member)),
      )
      return true
    })
  }

  async #mayChange(
    caller: Caller,
    { groupID, userID, roleLevel, ...profile }: MemberChange,
  ): Promise<RevisedRow<GroupMember>> {
    await this.#state.open(groupID)
    const actor: GroupActor = await this.#state.actor(caller, groupID)
    const isSelf = caller.userID === userID
    if (!isSelf) requireInGroup('setProfile', actor, 'member')
    const member = await this.#state.requireMember(groupID, userID)
    const target = targetOf(member.row.roleLevel)
    if (roleLevel !== undefined && roleLevel !== member.row.roleLevel) requireInGroup('setRole', actor, target)
    if (!isSelf && Object.keys(profile).length > 0) requireInGroup('setProfile', actor, target)
    return member
  }
}

const keyOf = ({ row: { groupID, userID } }: RevisedRow<GroupMember>): Pick<GroupMember, 'groupID' | 'userID'> => ({
  groupID,
  userID,
})

const revisionOf = ({ revision }: RevisedRow<GroupMember>): { readonly ifRevision: number } => ({
  ifRevision: revision,
})
