import { type Clock, systemClock } from '@parlance/core'
import { groupStatus, notificationTypes } from '@parlance/openim-protocol'
import type { Group } from '../entities/group.ts'
import { againOnConflict } from './again-on-conflict.ts'
import type { Caller } from './caller.ts'
import { requireInGroup } from './group-permissions.ts'
import type { GroupState } from './group-state.ts'
import type { GroupTips } from './group-tips.ts'
import type { ImRepositories } from './repositories.ts'

/** What may be changed of a group; what is absent stays. */
export type GroupChange = Partial<
  Pick<
    Group,
    | 'groupName'
    | 'notification'
    | 'introduction'
    | 'faceURL'
    | 'ex'
    | 'needVerification'
    | 'lookMemberInfo'
    | 'applyMemberFriend'
  >
>

/** What {@link GroupSettings} needs. */
export interface GroupSettingsOptions {
  readonly repositories: Pick<ImRepositories, 'groups'>
  readonly state: GroupState
  readonly tips: GroupTips
  readonly clock?: Clock
}

/** What a group says of itself, and whether its ordinary members may write. */
export class GroupSettings {
  readonly #groups: ImRepositories['groups']
  readonly #state: GroupState
  readonly #tips: GroupTips
  readonly #clock: Clock

  constructor({ repositories, state, tips, clock = systemClock }: GroupSettingsOptions) {
    this.#groups = repositories.groups
    this.#state = state
    this.#tips = tips
    this.#clock = clock
  }

  /**
   * Changes the group; tells it its new notice (1519, a message unless the notice is empty), its new name (1520) and the rest (1502).
   *
   * @throws {@link ImError} 1002 for who may not, 1201, 1204.
   */
  async change(caller: Caller, groupID: string, change: GroupChange): Promise<void> {
    await againOnConflict(async () => {
      const group = await this.#state.open(groupID)
      requireInGroup('setInfo', await this.#state.actor(caller, groupID))
      if (Object.keys(change).length === 0) return
      const notice =
        change.notification === undefined
          ? {}
          : { notificationUpdateTime: new Date(this.#clock.now()), notificationUserID: caller.userID }
      await this.#groups.patch({ groupID }, { ...change, ...notice }, { ifRevision: group.revision })
    })
    const { notification, groupName, ...rest } = change
    if (notification !== undefined)
      await this.#tips.tell(
        caller,
        groupID,
        notificationTypes.groupInfoSetAnnouncement,
        {},
        { asMessage: notification !== '' },
      )
    if (groupName !== undefined)
      await this.#tips.tell(caller, groupID, notificationTypes.groupInfoSetName, {}, { asMessage: true })
    if (Object.keys(rest).length > 0)
      await this.#tips.tell(caller, groupID, notificationTypes.groupInfoSet, { muteTime: 0 })
  }

  /**
   * Lets ordinary members not write (1514), or write again (1515). Nothing happens when it is so already.
   *
   * @throws {@link ImError} 1002 for who may not, 1201, 1204.
   */
  async setMuted(caller: Caller, groupID: string, isMuted: boolean): Promise<void> {
    const status = isMuted ? groupStatus.muted : groupStatus.ok
    const hasChanged = await againOnConflict(async () => {
      const group = await this.#state.open(groupID)
      requireInGroup('muteGroup', await this.#state.actor(caller, groupID))
      if (group.row.status === status) return false
      await this.#groups.patch({ groupID }, { status }, { ifRevision: group.revision })
      return true
    })
    if (!hasChanged) return
    const contentType = isMuted ? notificationTypes.groupMuted : notificationTypes.groupCancelMuted
    await this.#tips.tell(caller, groupID, contentType, {}, { asMessage: true })
  }
}
