import type { RevisedRow } from '@parlance/cached-repository'
import { groupStatus, joinVerifications } from '@parlance/openim-protocol'
import type { Group } from '../entities/group.ts'
import type { GroupMember } from '../entities/group-member.ts'
import type { Caller } from './caller.ts'
import { type GroupActor, targetOf } from './group-permissions.ts'
import { groupDismissed, groupNotFound, notInGroup } from './refusals.ts'
import type { ImRepositories } from './repositories.ts'

const fromStore = { read: 'store' } as const

/** Groups and members as rules read them: from the store, with the revisions that their writes depend on. */
export class GroupState {
  readonly #groups: ImRepositories['groups']
  readonly #members: ImRepositories['groupMembers']

  constructor({ groups, groupMembers }: Pick<ImRepositories, 'groups' | 'groupMembers'>) {
    this.#groups = groups
    this.#members = groupMembers
  }

  /** @throws {@link ImError} 1201 when there is no such group, 1204 when it was dismissed. */
  async open(groupID: string): Promise<RevisedRow<Group>> {
    const group = await this.#groups.getWithRevision({ groupID }, fromStore)
    if (group === undefined) throw groupNotFound(groupID)
    assertStands(group.row)
    return group
  }

  /** Whether anybody may enter, as far as this process knows: whoever enters has to look again in the step that does it. */
  async seemsFree(groupID: string): Promise<boolean> {
    return (await this.#groups.get({ groupID }))?.needVerification === joinVerifications.none
  }

  /** A member; undefined for who is none. */
  member(groupID: string, userID: string): Promise<RevisedRow<GroupMember> | undefined> {
    return this.#members.getWithRevision({ groupID, userID }, fromStore)
  }

  /** @throws {@link ImError} 1203 when the user is not a member. */
  async requireMember(groupID: string, userID: string): Promise<RevisedRow<GroupMember>> {
    const member = await this.member(groupID, userID)
    if (member === undefined) throw notInGroup(groupID, userID)
    return member
  }

  /** Members in the order of the ids. @throws {@link ImError} 1203 naming the first who is none. */
  requireMembers(groupID: string, userIDs: readonly string[]): Promise<readonly RevisedRow<GroupMember>[]> {
    return Promise.all(userIDs.map((userID) => this.requireMember(groupID, userID)))
  }

  /** Which of the users are members. */
  async memberIDs(groupID: string, userIDs: readonly string[]): Promise<ReadonlySet<string>> {
    const rows = await this.#members.getMany(
      userIDs.map((userID) => ({ groupID, userID })),
      fromStore,
    )
    return new Set(rows.flatMap((row) => (row === undefined ? [] : [row.userID])))
  }

  /** What the caller is to the group. */
  async actor({ userID, isAdmin }: Caller, groupID: string): Promise<GroupActor> {
    if (isAdmin) return 'appAdmin'
    const member = await this.member(groupID, userID)
    return member === undefined ? 'outsider' : targetOf(member.row.roleLevel)
  }
}

/** @throws {@link ImError} 1204 when the group was dismissed. */
export function assertStands({ groupID, status }: Readonly<Group>): void {
  if (status === groupStatus.dismissed) throw groupDismissed(groupID)
}
