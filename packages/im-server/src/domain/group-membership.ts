import { type RevisedRow, RowConflictError, RowNotFoundError } from '@parlance/cached-repository'
import { type Clock, type Count, systemClock } from '@parlance/core'
import { joinSources, joinVerifications, notificationTypes, roleLevels } from '@parlance/openim-protocol'
import type { GroupMember } from '../entities/group-member.ts'
import { type Group, groups } from '../entities/group.ts'
import { againOnConflict } from './again-on-conflict.ts'
import type { Caller } from './caller.ts'
import { mayInGroup, requireInGroup, targetOf } from './group-permissions.ts'
import type { GroupAsk, GroupRequests } from './group-requests.ts'
import { assertStands, type GroupState } from './group-state.ts'
import type { GroupTips } from './group-tips.ts'
import type { MembershipWrites, Writes } from './membership-writes.ts'
import { newMember } from './new-member.ts'
import { badArgument, notInGroup, tooManyToAsk } from './refusals.ts'
import type { ImRepositories } from './repositories.ts'
import type { Users } from './users.ts'

/** What somebody asks to join with. */
export type JoinAsk = Pick<GroupAsk, 'reqMsg' | 'joinSource' | 'ex'>

/** What {@link GroupMembership} needs. */
export interface GroupMembershipOptions {
  readonly repositories: Pick<ImRepositories, 'together'>
  readonly state: GroupState
  readonly writes: MembershipWrites
  readonly requests: GroupRequests
  readonly users: Users
  readonly tips: GroupTips
  readonly clock?: Clock
}

/** Members named in one notification; more make several. */
const maxToldMembers: Count = 50
/** Invitations of one call that may become applications: owner and admins are told of each. */
const maxAskedAtOnce: Count = 100

/**
 * Who enters groups and who leaves them.
 *
 * Each rule is one atomic step that depends on what it was decided by: on the group, which must not be dismissed meanwhile, and on
 * the members that leave, who must not have become its owner.
 */
export class GroupMembership {
  readonly #together: ImRepositories['together']
  readonly #state: GroupState
  readonly #writes: MembershipWrites
  readonly #requests: GroupRequests
  readonly #users: Users
  readonly #tips: GroupTips
  readonly #clock: Clock

  constructor({ repositories, state, writes, requests, users, tips, clock = systemClock }: GroupMembershipOptions) {
    this.#together = repositories.together
    this.#state = state
    this.#writes = writes
    this.#requests = requests
    this.#users = users
    this.#tips = tips
    this.#clock = clock
  }

  /**
   * The caller joins (1510), or applies where the group wants that (1503). Applying again replaces the application.
   *
   * @throws {@link ImError} 1001 for who is a member, 1201, 1204.
   */
  async join(caller: Caller, groupID: string, ask: JoinAsk): Promise<void> {
    const { userID } = caller
    const entrant = this.#newMembers(caller, groupID, [userID], { joinSource: ask.joinSource, inviterUserID: '' })
    const hasEntered =
      (await this.#enterAtOnce(groupID, entrant)) ||
      (await againOnConflict(async () => {
        const [group, member] = await Promise.all([this.#state.open(groupID), this.#state.member(groupID, userID)])
        if (member !== undefined) throw badArgument(`groupID: ${userID} is a member of group ${groupID} already`)
        const isOpen = group.row.needVerification === joinVerifications.none
        const writes = isOpen
          ? this.#writes.entering(entrant)
          : await this.#requests.asking(groupID, [{ ...ask, userID, inviterUserID: '' }])
        await this.#write(group, writes)
        return isOpen
      }))
    if (!hasEntered) return this.#requests.tellAsked(caller, groupID, [userID])
    const tips = this.#tips.members(entrant).then(([entrantUser]) => ({ entrantUser }))
    const telling = { asMessage: true, known: entrant }
    await this.#tips.tell(caller, groupID, notificationTypes.memberEnter, tips, telling)
  }

  /** The whole rule in one step, where it is most likely to hold; false when it does not. */
  async #enterAtOnce(groupID: string, entrant: readonly GroupMember[]): Promise<boolean> {
    if (!(await this.#state.seemsFree(groupID))) return false
    const writes = this.#writes.entering(entrant)
    try {
      await this.#together((together) => {
        together.check(groups, { groupID }, (group) => {
          assertStands(group)
          if (group.needVerification !== joinVerifications.none) throw new RowConflictError('the group asks now')
        })
        writes(together)
      })
      return true
    } catch (error) {
      if (error instanceof RowConflictError || error instanceof RowNotFoundError) return false
      throw error
    }
  }

  /**
   * Makes users members (1509), or applies for them (1503) where invitations need approval. Who is a member already is left out.
   *
   * @throws {@link ImError} 1002 for who may not, 1101 naming users that do not exist, 1201, 1204, 1803 for more applications than
   * one call may make.
   */
  async invite(caller: Caller, groupID: string, invitedUserIDs: readonly string[], reason: string): Promise<void> {
    const userIDs = [...new Set(invitedUserIDs)]
    const { entered, asked } = await againOnConflict(async () => {
      const group = await this.#state.open(groupID)
      const actor = await this.#state.actor(caller, groupID)
      requireInGroup('invite', actor)
      await this.#users.requireAll(userIDs)
      const members = await this.#state.memberIDs(groupID, userIDs)
      const newIDs = userIDs.filter((userID) => !members.has(userID))
      if (newIDs.length === 0) return { entered: [], asked: [] }
      const isAsked =
        group.row.needVerification === joinVerifications.all && !mayInGroup('inviteWithoutApproval', actor)
      if (isAsked) await this.#ask(caller, group, newIDs, reason)
      else {
        const entrants = this.#newMembers(caller, groupID, newIDs, invitedBy(caller))
        await this.#write(group, this.#writes.entering(entrants))
      }
      return isAsked ? { entered: [], asked: newIDs } : { entered: newIDs, asked: [] }
    })
    await this.#requests.tellAsked(caller, groupID, asked)
    for (const some of chunks(entered, maxToldMembers)) {
      const [invitedUserList, inviterUser] = await Promise.all([
        this.#tips.membersOf(groupID, some),
        this.#tips.memberOrUser(groupID, caller.userID),
      ])
      const tips = { invitedUserList, inviterUser, reason }
      await this.#tips.tell(caller, groupID, notificationTypes.memberInvited, tips, { asMessage: true })
    }
  }

  /**
   * Removes members (1508): all of them or none.
   *
   * @throws {@link ImError} 1001 for the caller itself, 1002 for who may not, 1201, 1203 naming who is no member, 1204.
   */
  async kick(caller: Caller, groupID: string, kickedUserIDs: readonly string[], reason: string): Promise<void> {
    const userIDs = [...new Set(kickedUserIDs)]
    if (userIDs.includes(caller.userID))
      throw badArgument('kickedUserIDs: nobody kicks oneself; quit the group instead')
    const kicked = await againOnConflict(async () => {
      await this.#state.open(groupID)
      const actor = await this.#state.actor(caller, groupID)
      requireInGroup('kick', actor, 'member')
      const members = await this.#state.requireMembers(groupID, userIDs)
      for (const { row } of members) requireInGroup('kick', actor, targetOf(row.roleLevel))
      await this.#leave(groupID, members)
      return members.map(({ row }) => row)
    })
    for (const some of chunks(kicked, maxToldMembers)) {
      const tips = { kickedUserList: await this.#tips.members(some), reason }
      const alsoTo = some.map(({ userID }) => userID)
      await this.#tips.tell(caller, groupID, notificationTypes.memberKicked, tips, { asMessage: true, alsoTo })
    }
  }

  /**
   * A member leaves (1504).
   *
   * @throws {@link ImError} 1002 for the owner, 1201, 1203 for who is no member, 1204.
   */
  async quit(caller: Caller, groupID: string, userID: string): Promise<void> {
    const member = await againOnConflict(async () => {
      const [, found] = await Promise.all([this.#state.open(groupID), this.#state.member(groupID, userID)])
      if (found === undefined) throw notInGroup(groupID, userID)
      requireInGroup('quit', targetOf(found.row.roleLevel))
      await this.#leave(groupID, [found])
      return found.row
    })
    const [quitUser] = await this.#tips.members([member])
    const telling = { asMessage: true, alsoTo: [userID] }
    await this.#tips.tell(caller, groupID, notificationTypes.memberQuit, { quitUser }, telling)
  }

  async #ask(caller: Caller, group: RevisedRow<Group>, userIDs: readonly string[], reqMsg: string): Promise<void> {
    if (userIDs.length > maxAskedAtOnce) throw tooManyToAsk(maxAskedAtOnce)
    const asks = userIDs.map((userID) => ({ userID, reqMsg, ex: '', ...invitedBy(caller) }))
    await this.#write(group, await this.#requests.asking(group.row.groupID, asks))
  }

  #newMembers(caller: Caller, groupID: string, userIDs: readonly string[], how: HowEntered): GroupMember[] {
    const joinTime = new Date(this.#clock.now())
    const operatorUserID = caller.userID
    return userIDs.map((userID) =>
      newMember({
        groupID,
        userID,
        roleLevel: roleLevels.ordinary,
        joinTime,
        ...how,
        operatorUserID,
      }),
    )
  }

  #write({ row: { groupID }, revision }: RevisedRow<Group>, writes: Writes): Promise<void> {
    return this.#together((together) => {
      together.require(groups, { groupID }, { ifRevision: revision })
      writes(together)
    })
  }

  async #leave(groupID: string, members: readonly RevisedRow<GroupMember>[]): Promise<void> {
    await this.#together(await this.#writes.leaving(groupID, members))
  }
}

/** What stays known of how a member came. */
type HowEntered = Pick<GroupMember, 'joinSource' | 'inviterUserID'>

const invitedBy = ({ userID, isAdmin }: Caller): HowEntered => ({
  joinSource: isAdmin ? joinSources.admin : joinSources.invitation,
  inviterUserID: userID,
})

function chunks<T>(all: readonly T[], count: Count): T[][] {
  return Array.from({ length: Math.ceil(all.length / count) }, (_, at) => all.slice(at * count, (at + 1) * count))
}
