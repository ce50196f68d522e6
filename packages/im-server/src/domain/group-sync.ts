import type { Count } from '@parlance/core'
import type { GroupInfo } from '@parlance/openim-protocol'
import type { Groups } from './groups.ts'
import type { GroupMemberInfo } from './profiles.ts'
import type { ImRepositories } from './repositories.ts'
import { groupItself } from './touched.ts'
import {
  fullAnswer,
  type IDList,
  idList,
  type Incremental,
  type KnownVersion,
  maxDeltaCount,
  positionOf,
  versionOf,
  incrementalOf,
} from './version-sync.ts'

/** What changed among a group's members, and the group itself, whose member count and owner follow from them, unless nothing did. */
export interface IncrementalMembers extends Incremental<GroupMemberInfo> {
  readonly group?: GroupInfo
}

/** What a client has of one group's members. */
export interface KnownGroup extends KnownVersion {
  readonly groupID: string
}

/** What {@link GroupSync} needs. */
export interface GroupSyncOptions {
  readonly repositories: Pick<ImRepositories, 'groupMembers'>
  readonly groups: Groups
}

/** Changes told by one batch; groups that come after it are left out, and asked for again. As in the reference. */
const maxBatchChanges: Count = 500

/** Tells clients what changed in their groups since they last asked. */
export class GroupSync {
  readonly #members: ImRepositories['groupMembers']
  readonly #groups: Groups

  constructor({ repositories, groups }: GroupSyncOptions) {
    this.#members = repositories.groupMembers
    this.#groups = groups
  }

  /** Groups joined and left since the client's version. */
  async joined(userID: string, known: KnownVersion): Promise<Incremental<GroupInfo>> {
    return incrementalOf(
      this.#members.changesOfUser({ userID }),
      known,
      (rows) => this.#groups.infos(rows.map(({ groupID }) => groupID)),
      ({ groupID }) => groupID,
    )
  }

  /** The ids of the groups a user is in, unless the client's list has the same. */
  async joinedIDs(userID: string, clientHash: number): Promise<IDList> {
    const position = await this.#members.changesOfUser({ userID }).position()
    return idList(position, await this.#groups.joinedIDs(userID), clientHash)
  }

  /** Members that came, changed and went since the client's version. */
  async members({ groupID, ...known }: KnownGroup): Promise<IncrementalMembers> {
    const list = this.#members.changesOfGroup({ groupID })
    const delta = await list.since(positionOf(known), { limit: maxDeltaCount })
    if (delta.kind === 'full' || delta.more) {
      const position = delta.kind === 'full' ? delta.position : await list.position()
      const [group] = await this.#groups.infos([groupID])
      return group === undefined ? fullAnswer(position) : { ...fullAnswer(position), group }
    }
    const hasChanged = delta.inserted.length + delta.updated.length + delta.removed.length > 0
    const [insert, update, [group]] = await Promise.all([
      this.#groups.memberInfos(delta.inserted),
      this.#groups.memberInfos(delta.updated),
      hasChanged ? this.#groups.infos([groupID]) : [],
    ])
    return {
      ...versionOf(delta.position),
      full: false,
      delete: delta.removed.map(({ userID }) => userID).filter((userID) => userID !== groupItself),
      insert,
      update,
      ...(group === undefined ? {} : { group }),
    }
  }

  /**
   * The same for many groups, by group id. Groups the user is not in are left out, and those beyond a batch of 500 changes.
   *
   * Both are right for the official core: it asks again for what was left out, and gives up what is left out alone.
   */
  async membersOfMany(userID: string, known: readonly KnownGroup[]): Promise<ReadonlyMap<string, IncrementalMembers>> {
    const answers = new Map<string, IncrementalMembers>()
    const mine = await this.#members.getMany(known.map(({ groupID }) => ({ groupID, userID })))
    let changeCount = 0
    for (const [at, group] of known.entries()) {
      if (mine[at] === undefined) continue
      if (changeCount >= maxBatchChanges) break
      const answer = await this.members(group)
      changeCount += 1 + answer.delete.length + answer.insert.length + answer.update.length
      answers.set(group.groupID, answer)
    }
    return answers
  }

  /** The ids of a group's members, unless the client's list has the same. */
  async memberIDs(groupID: string, clientHash: number): Promise<IDList> {
    const position = await this.#members.changesOfGroup({ groupID }).position()
    return idList(position, await this.#groups.memberIDs(groupID), clientHash)
  }
}
