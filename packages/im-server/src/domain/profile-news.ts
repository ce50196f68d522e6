import { randomUUID } from 'node:crypto'
import { type Clock, type Count, systemClock } from '@parlance/core'
import { notificationTypes } from '@parlance/openim-protocol'
import type { Bus, Topic } from '@parlance/notification-bus'
import type { GroupMember } from '../entities/group-member.ts'
import type { Groups } from './groups.ts'
import type { Notification, Notifications } from './notifications.ts'
import { memberInfo } from './profiles.ts'
import type { ImRepositories } from './repositories.ts'
import { touchedFriends, touchedMembers } from './touched.ts'
import type { Users } from './users.ts'
import { waitsWhenBusy } from './waits-when-busy.ts'

/** What {@link ProfileNews} needs. */
export interface ProfileNewsOptions {
  readonly repositories: Pick<ImRepositories, 'groupMembers'>
  readonly users: Users
  readonly groups: Groups
  readonly notifications: Notifications
  readonly clock?: Clock
}

type MessageOf<T> = T extends Topic<infer M> ? M : never
type Touched = MessageOf<typeof touchedFriends>
type TouchedMembers = MessageOf<typeof touchedMembers>

/** Announcements handled at once, of at most 128 keys each. */
const batchCount: Count = 4

/**
 * Tells clients whose lists show a user's new name or face to fetch them: each friend (1209), each group where the user goes by
 * that name or face (1516).
 *
 * Told once the lists say so, of the changes that are announced in batches; a batch may be told twice. Under an operation id of
 * its own, not that of the request: SDKs take that one for their own doing, and the caller's devices too are to hear of it.
 */
export class ProfileNews {
  readonly #members: ImRepositories['groupMembers']
  readonly #users: Users
  readonly #groups: Groups
  readonly #notifications: Notifications
  readonly #clock: Clock

  constructor({ repositories, users, groups, notifications, clock = systemClock }: ProfileNewsOptions) {
    this.#members = repositories.groupMembers
    this.#users = users
    this.#groups = groups
    this.#notifications = notifications
    this.#clock = clock
  }

  /** Begins to tell; resolves when what was announced before has been told. */
  async follow(bus: Bus): Promise<void> {
    const common = { group: 'profile-news', batch: batchCount }
    await bus.consume(touchedFriends, {
      ...common,
      handler: async ({ messages }) => {
        for (const message of messages) await this.tellFriends(message)
      },
    })
    await bus.consume(touchedMembers, {
      ...common,
      handler: async ({ messages }) => {
        for (const message of messages) await this.tellGroups(message)
      },
    })
  }

  /** 1209 to each owner of a list that shows the user as a friend. */
  async tellFriends({ source: { userID }, keys }: Touched): Promise<void> {
    const tell = ({ ownerUserID }: { readonly ownerUserID: string }): Promise<void> =>
      this.#send({
        sendID: userID,
        to: { userID: ownerUserID },
        contentType: notificationTypes.friendInfoUpdated,
        tips: { userID },
        operationID: this.#operationID(),
        senderSync: false,
      })
    await Promise.all(keys.map(tell))
  }

  /** 1516 to each group in which the user has no name or no face of its own. */
  async tellGroups({ source: { userID }, keys }: TouchedMembers): Promise<void> {
    const rows = await this.#members.getMany(keys)
    const members = rows.filter((row) => row !== undefined).filter((row) => row.nickname === '' || row.faceURL === '')
    const user = (await this.#users.byID([userID])).get(userID)
    const groups = new Map(
      (await this.#groups.infos(members.map(({ groupID }) => groupID))).map((group) => [group.groupID, group]),
    )
    const tell = async (member: Readonly<GroupMember>): Promise<void> => {
      const { groupID } = member
      const group = groups.get(groupID)
      if (group === undefined) return
      const { version, epoch } = await this.#members.changesOfGroup({ groupID }).position()
      const info = memberInfo(member, user)
      await this.#send({
        sendID: userID,
        to: { groupID },
        contentType: notificationTypes.groupMemberInfoSet,
        tips: {
          group,
          opUser: info,
          operationTime: this.#clock.now(),
          changedUser: info,
          groupMemberVersion: version,
          groupMemberVersionID: epoch,
          groupSortVersion: 0,
        },
        operationID: this.#operationID(),
      })
    }
    await Promise.all(members.map(tell))
  }

  // The SDKs fetch under the id that they were told; without one the API refuses them.
  #operationID(): string {
    return `profile-news-${randomUUID()}`
  }

  // Too much may wait to be pushed.
  #send(notification: Notification): Promise<void> {
    return waitsWhenBusy(() => this.#notifications.send(notification))
  }
}
