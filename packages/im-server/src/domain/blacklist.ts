import { RowConflictError } from '@parlance/cached-repository'
import { type Clock, systemClock } from '@parlance/core'
import type { Black } from '../entities/black.ts'
import type { Caller } from './caller.ts'
import { type PageRequest, rangeOf } from './page.ts'
import { duplicate, listFull, notFound, yourself } from './refusals.ts'
import { type BlackInfo, blackInfo } from './relation-infos.ts'
import { relationLimits } from './relation-limits.ts'
import type { RelationNotices } from './relation-notices.ts'
import type { ImRepositories } from './repositories.ts'
import type { Users } from './users.ts'
import { type Incremental, type KnownVersion, incrementalOf } from './version-sync.ts'

/** What {@link Blacklist} needs. */
export interface BlacklistOptions {
  readonly repositories: Pick<ImRepositories, 'blacks'>
  readonly users: Users
  readonly notices: RelationNotices
  readonly clock?: Clock
}

/** Whom users blocked: those cannot write to them, nor ask them to become friends. A friendship stays as it is. */
export class Blacklist {
  readonly #blacks: ImRepositories['blacks']
  readonly #users: Users
  readonly #notices: RelationNotices
  readonly #clock: Clock

  constructor({ repositories, users, notices, clock = systemClock }: BlacklistOptions) {
    this.#blacks = repositories.blacks
    this.#users = users
    this.#notices = notices
    this.#clock = clock
  }

  /**
   * Blocks a user, and tells the owner's devices (1207). The blocked one is not told.
   *
   * @throws {@link ImError} 1301 for oneself, 1101 naming users that do not exist, 1003 when blocked already, 1803 when the list is full.
   */
  async add(caller: Caller, ownerUserID: string, blackUserID: string, ex: string): Promise<void> {
    if (ownerUserID === blackUserID) throw yourself('blackUserID')
    await this.#users.requireAll([ownerUserID, blackUserID])
    const { blacks: most } = relationLimits
    if ((await this.#blacks.countOfOwner({ ownerUserID })) >= most)
      throw listFull(`the black list of ${ownerUserID}`, most, 'unblock somebody first')
    const createTime = new Date(this.#clock.now())
    try {
      await this.#blacks.insert({
        ownerUserID,
        blackUserID,
        createTime,
        addSource: 0,
        operatorUserID: caller.userID,
        ex,
      })
    } catch (error) {
      if (!(error instanceof RowConflictError)) throw error
      throw duplicate(`${ownerUserID} blocked ${blackUserID} already; nothing is left to do`)
    }
    await this.#notices.blocked(caller, ownerUserID, blackUserID)
  }

  /**
   * Lets a blocked user write again, and tells the owner's devices (1208).
   *
   * @throws {@link ImError} 1004 when the user is not blocked.
   */
  async remove(caller: Caller, ownerUserID: string, blackUserID: string): Promise<void> {
    const isRemoved = await this.#blacks.delete({ ownerUserID, blackUserID })
    if (!isRemoved) throw notFound(`${ownerUserID} has not blocked ${blackUserID}; nothing is left to do`)
    await this.#notices.unblocked(caller, ownerUserID, blackUserID)
  }

  /** One page of whom a user blocked, the earliest first, and how many there are. */
  async page(
    ownerUserID: string,
    request: PageRequest,
  ): Promise<{ readonly total: number; readonly blacks: readonly BlackInfo[] }> {
    const { rows, total } = await this.#blacks.ofOwner.page({ ownerUserID }, rangeOf(request))
    return { total, blacks: await this.#infos(rows) }
  }

  /** Those of the given users that are blocked, in the order asked. */
  async find(ownerUserID: string, userIDs: readonly string[]): Promise<readonly BlackInfo[]> {
    const rows = await this.#blacks.getMany(userIDs.map((blackUserID) => ({ ownerUserID, blackUserID })))
    return this.#infos(rows.filter((row) => row !== undefined))
  }

  /** What changed in a user's list since the client's version. */
  async incremental(ownerUserID: string, known: KnownVersion): Promise<Incremental<BlackInfo>> {
    return incrementalOf(
      this.#blacks.changesOfOwner({ ownerUserID }),
      known,
      (rows) => this.#infos(rows),
      ({ blackUserID }) => blackUserID,
    )
  }

  async #infos(rows: readonly Readonly<Black>[]): Promise<readonly BlackInfo[]> {
    const users = await this.#users.byID(rows.map(({ blackUserID }) => blackUserID))
    return rows.flatMap((row) => {
      const user = users.get(row.blackUserID)
      return user === undefined ? [] : [blackInfo(row, user)]
    })
  }
}
