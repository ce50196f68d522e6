import type { Context } from './chat.ts'
import { changeGroupMute, orNothing } from './sdk.ts'
import type { GroupApplicationItem, GroupItem } from './state.ts'

const pageCount = 200
const workingGroup = 2
const joinBySearch = 3
const dissolved = 2
const all = { groupID: [], handleResults: [], offset: 0, count: pageCount }

/** Roles of the wire. */
export const roles = { member: 20, admin: 60, owner: 100 } as const

/** Whether somebody in this role may administer the group. */
export const isAdministrator = (roleLevel: number): boolean => roleLevel >= roles.admin

/** How many are in a group: counted when all were read, because the SDK's own count lags when members go. */
export const memberCountOf = (group: GroupItem, members: readonly unknown[] | undefined): number =>
  members !== undefined && members.length < pageCount ? members.length : group.memberCount

/** Groups this user is in, their members, and applications to join. */
export class Groups {
  readonly #context: Context

  constructor(context: Context) {
    this.#context = context
  }

  async read(): Promise<void> {
    const { sdk, store } = this.#context
    await store.attempt('Groups could not be read', async () => {
      const { data } = await sdk.getJoinedGroupList()
      // In a new browser the core lists a dissolved group that it met in a chat among those joined.
      const groups = (data ?? []).filter(({ status }) => status !== dissolved)
      store.set({ groups: groups.toSorted((a, b) => a.groupName.localeCompare(b.groupName)) })
    })
    await store.attempt('Requests to join could not be read', async () => {
      const received = await sdk.getGroupApplicationListAsRecipient(all)
      const sent = await sdk.getGroupApplicationListAsApplicant(all)
      store.set({ groupReceived: received.data ?? [], groupSent: sent.data ?? [] })
    })
  }

  async readMembers(groupID: string): Promise<void> {
    const { sdk, store } = this.#context
    await store.attempt('Members could not be read', async () => {
      const { data } = await sdk.getGroupMemberList({ groupID, filter: 0, offset: 0, count: pageCount })
      store.setEntry('members', groupID, data ?? [])
    })
  }

  /** Reads members once more when they are on the screen. */
  async readMembersAgain(groupID: string): Promise<void> {
    if (this.#context.store.state.members[groupID] !== undefined) await this.readMembers(groupID)
  }

  /** The group with this id, whether or not this user is in it. */
  find(groupID: string): Promise<GroupItem | undefined> {
    return orNothing(this.#context.sdk.getSpecifiedGroupsInfo([groupID]))
  }

  /** @returns the id of the new group; undefined when there is none. */
  async create(groupName: string, memberUserIDs: string[]): Promise<string | undefined> {
    let groupID: string | undefined
    await this.#do('The group was not made', async (sdk) => {
      const { data } = await sdk.createGroup({ memberUserIDs, groupInfo: { groupName, groupType: workingGroup } })
      groupID = data.groupID
    })
    return groupID
  }

  join(groupID: string, reqMsg: string): Promise<boolean> {
    return this.#do(
      'You could not join',
      (sdk) => sdk.joinGroup({ groupID, reqMsg, joinSource: joinBySearch }),
      'You asked to join.',
    )
  }

  accept({ groupID, userID }: GroupApplicationItem): Promise<boolean> {
    return this.#do('The request was not accepted', (sdk) =>
      sdk.acceptGroupApplication({ groupID, fromUserID: userID, handleMsg: '' }),
    )
  }

  refuse({ groupID, userID }: GroupApplicationItem): Promise<boolean> {
    return this.#do('The request was not refused', (sdk) =>
      sdk.refuseGroupApplication({ groupID, fromUserID: userID, handleMsg: '' }),
    )
  }

  invite(groupID: string, userIDList: string[]): Promise<boolean> {
    return this.#inGroup(groupID, 'Nobody was invited', (sdk) =>
      sdk.inviteUserToGroup({ groupID, userIDList, reason: '' }),
    )
  }

  kick(groupID: string, userID: string): Promise<boolean> {
    return this.#inGroup(groupID, 'Nobody was removed', (sdk) =>
      sdk.kickGroupMember({ groupID, userIDList: [userID], reason: '' }),
    )
  }

  setRole(groupID: string, userID: string, roleLevel: number): Promise<boolean> {
    return this.#inGroup(groupID, 'The role was not changed', (sdk) =>
      sdk.setGroupMemberInfo({ groupID, userID, roleLevel }),
    )
  }

  handOver(groupID: string, newOwnerUserID: string): Promise<boolean> {
    return this.#inGroup(groupID, 'The group was not handed over', (sdk) =>
      sdk.transferGroupOwner({ groupID, newOwnerUserID }),
    )
  }

  muteMember(groupID: string, userID: string, mutedSeconds: number): Promise<boolean> {
    return this.#inGroup(groupID, 'Nobody was muted', (sdk) =>
      sdk.changeGroupMemberMute({ groupID, userID, mutedSeconds }),
    )
  }

  mute(groupID: string, isMute: boolean): Promise<boolean> {
    return this.#inGroup(groupID, 'The group was not muted', () => changeGroupMute(groupID, isMute))
  }

  change(group: { readonly groupID: string } & Partial<GroupItem>): Promise<boolean> {
    return this.#inGroup(group.groupID, 'The group was not changed', (sdk) => sdk.setGroupInfo({ ...group }))
  }

  quit(groupID: string): Promise<boolean> {
    return this.#do('You could not leave', (sdk) => sdk.quitGroup(groupID))
  }

  dismiss(groupID: string): Promise<boolean> {
    return this.#do('The group was not dissolved', (sdk) => sdk.dismissGroup(groupID))
  }

  async #inGroup(groupID: string, what: string, work: (sdk: Context['sdk']) => Promise<unknown>): Promise<boolean> {
    const isDone = await this.#do(what, work)
    await this.readMembersAgain(groupID)
    return isDone
  }

  async #do(what: string, work: (sdk: Context['sdk']) => Promise<unknown>, done?: string): Promise<boolean> {
    const isDone = await this.#context.store.attempt(what, () => work(this.#context.sdk), done)
    await this.read()
    return isDone
  }
}
