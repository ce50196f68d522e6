import { type Count, InvalidArgumentError } from '@parlance/core'
import { type Batch, type Bus, json, topic } from '@parlance/notification-bus'
import { groupStatus, notificationTypes, serverMsgID } from '@parlance/openim-protocol'
import { groups } from '../entities/group.ts'
import { againOnConflict } from './again-on-conflict.ts'
import type { Caller } from './caller.ts'
import { requireInGroup } from './group-permissions.ts'
import type { GroupState } from './group-state.ts'
import type { GroupTips } from './group-tips.ts'
import type { MembershipWrites } from './membership-writes.ts'
import type { Notification, Notifications } from './notifications.ts'
import type { ImRepositories } from './repositories.ts'
import { waitsWhenBusy } from './waits-when-busy.ts'

/** A group that was dismissed and whose members are still to be removed and told. */
export interface Dismissal {
  readonly groupID: string
  readonly userID: string
  readonly operationID: string
  /** What members are told: the group as it was dismissed. */
  readonly tips: object
}

/** Published in the step that dismisses a group. */
export const dismissals = topic<Dismissal>('group.dismissed', { schema: json(check), key: ({ groupID }) => groupID })

/** What {@link GroupDismissal} needs. */
export interface GroupDismissalOptions {
  readonly repositories: Pick<ImRepositories, 'groupMembers' | 'together'>
  readonly state: GroupState
  readonly writes: MembershipWrites
  readonly tips: GroupTips
  readonly notifications: Notifications
}

/** Members removed in one step. */
const membersPerStep: Count = 200
/** Members of groups up to this size are pushed the last message, as far as they are connected; others find it when they ask. */
const maxWatchers: Count = 1_000

/**
 * Dismisses groups.
 *
 * When {@link dismiss} resolved, the group takes no messages and no members, whatever happens then. Its members are removed by
 * {@link follow}, in steps of 200, the owner last, and told after their step (1511): a client that then asks finds the group gone.
 * A server that dies in between goes on after its start, before clients can connect.
 */
export class GroupDismissal {
  readonly #members: ImRepositories['groupMembers']
  readonly #together: ImRepositories['together']
  readonly #state: GroupState
  readonly #writes: MembershipWrites
  readonly #tips: GroupTips
  readonly #notifications: Notifications

  constructor({ repositories, state, writes, tips, notifications }: GroupDismissalOptions) {
    this.#members = repositories.groupMembers
    this.#together = repositories.together
    this.#state = state
    this.#writes = writes
    this.#tips = tips
    this.#notifications = notifications
  }

  /** @throws {@link ImError} 1002 for who may not, 1201, 1204 for a group that was dismissed before. */
  async dismiss(caller: Caller, groupID: string): Promise<void> {
    const { userID, operationID } = caller
    await againOnConflict(async () => {
      const { row, revision } = await this.#state.open(groupID)
      requireInGroup('dismiss', await this.#state.actor(caller, groupID))
      const frame = await this.#tips.frame(caller, groupID)
      const status = groupStatus.dismissed
      const tips = { ...frame, group: frame.group === undefined ? undefined : { ...frame.group, status } }
      await this.#together((together) => {
        together.patch(groups, { groupID: row.groupID }, { status }, { ifRevision: revision })
        together.publish(dismissals, { groupID, userID, operationID, tips })
      })
    })
  }

  /** Begins to remove the members of dismissed groups; resolves when those of earlier dismissals are removed. */
  async follow(bus: Bus): Promise<void> {
    await bus.consume(dismissals, {
      group: 'members',
      batch: 1,
      handler: (batch) => waitsWhenBusy(() => this.#finish(batch)),
    })
  }

  async #finish({ messages }: Batch<Dismissal>): Promise<void> {
    for (const dismissal of messages) {
      await this.#tell(
        dismissal,
        { asMessage: 'only', clientMsgID: messageIDOf(dismissal) },
        await this.#watchers(dismissal),
      )
      for (;;) {
        const removed = await againOnConflict(() => this.#removeSome(dismissal.groupID))
        if (removed === undefined) break
        await this.#tell(dismissal, {}, removed)
      }
    }
  }

  /** Who sees the message in the chat at once although the push may come after the removal; of a large group nobody is named. */
  async #watchers({ groupID }: Dismissal): Promise<readonly string[] | undefined> {
    const { rows, total } = await this.#members.ofGroup.page({ groupID }, { limit: maxWatchers }, { read: 'store' })
    return total > maxWatchers ? undefined : rows.map(({ userID }) => userID)
  }

  /** Undefined when nobody is left. */
  async #removeSome(groupID: string): Promise<readonly string[] | undefined> {
    const count = await this.#members.countOfGroup({ groupID }, { read: 'store' })
    if (count === 0) return undefined
    const range = { offset: Math.max(0, count - membersPerStep), limit: membersPerStep }
    const { rows } = await this.#members.ofGroup.page({ groupID }, range, { read: 'store' })
    const userIDs = rows.map(({ userID }) => userID)
    const members = await Promise.all(userIDs.map((userID) => this.#state.member(groupID, userID)))
    const there = members.filter((member) => member !== undefined)
    await this.#together(await this.#writes.leaving(groupID, there))
    return there.map(({ row }) => row.userID)
  }

  async #tell(
    { groupID, userID: sendID, operationID, tips }: Dismissal,
    how: Pick<Notification, 'asMessage' | 'clientMsgID'>,
    onlyTo?: readonly string[],
  ): Promise<void> {
    const to = onlyTo === undefined ? { groupID } : { groupID, onlyTo }
    const contentType = notificationTypes.groupDismissed
    await this.#notifications.send({ sendID, to, contentType, tips, operationID, ...how })
  }
}

/** The same whenever the dismissal is taken up again: its message is stored once. */
const messageIDOf = ({ groupID, userID }: Dismissal): string => serverMsgID(userID, `dismissed ${groupID}`)

function check(value: unknown): Dismissal {
  const { groupID, userID, operationID, tips } = (value ?? {}) as Record<string, unknown>
  if (
    typeof groupID === 'string' &&
    typeof userID === 'string' &&
    typeof operationID === 'string' &&
    typeof tips === 'object' &&
    tips !== null
  )
    return { groupID, userID, operationID, tips }
  throw new InvalidArgumentError('not a dismissal')
}
