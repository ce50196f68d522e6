import { handleResults } from '@parlance/openim-protocol'
import type { FriendRequest } from '../entities/friend-request.ts'
import { type PageRequest, rangeOf } from './page.ts'
import { type FriendRequestInfo, friendRequestInfo } from './relation-infos.ts'
import type { ImRepositories } from './repositories.ts'
import type { Users } from './users.ts'

/** One page of requests, and how many there are. */
export interface FriendRequestPage {
  readonly total: number
  readonly requests: readonly FriendRequestInfo[]
}

/** What {@link FriendRequestLists} needs. */
export interface FriendRequestListsOptions {
  readonly repositories: Pick<ImRepositories, 'friendRequests'>
  readonly users: Users
}

type Requests = readonly Readonly<FriendRequest>[]
type Range = ReturnType<typeof rangeOf>
type RowPage = Promise<{ readonly rows: Requests; readonly total: number }>

/** Friend requests as those read them who sent or got them: the newest first. */
export class FriendRequestLists {
  readonly #requests: ImRepositories['friendRequests']
  readonly #users: Users

  constructor({ repositories, users }: FriendRequestListsOptions) {
    this.#requests = repositories.friendRequests
    this.#users = users
  }

  /** Requests to a user. With `results` only those; of several results the open ones come first, then the accepted ones. */
  received(toUserID: string, results: readonly number[], request: PageRequest): Promise<FriendRequestPage> {
    return this.#page(
      results,
      rangeOf(request),
      (range) => this.#requests.received.page({ toUserID }, range),
      (handleResult, range) => this.#requests.receivedWith.page({ toUserID, handleResult }, range),
    )
  }

  /** Requests of a user, in the same order. */
  sent(fromUserID: string, results: readonly number[], request: PageRequest): Promise<FriendRequestPage> {
    return this.#page(
      results,
      rangeOf(request),
      (range) => this.#requests.sent.page({ fromUserID }, range),
      (handleResult, range) => this.#requests.sentWith.page({ fromUserID, handleResult }, range),
    )
  }

  /** The request of the first user to the second, then the one the other way round; only what there is. */
  async between(fromUserID: string, toUserID: string): Promise<readonly FriendRequestInfo[]> {
    const rows = await this.#requests.getMany([
      { fromUserID, toUserID },
      { fromUserID: toUserID, toUserID: fromUserID },
    ])
    return this.#infos(rows.filter((row) => row !== undefined))
  }

  /** How many requests to a user wait for an answer, of those made after `sinceMs`. */
  async openCount(toUserID: string, sinceMs: number): Promise<number> {
    const by = { toUserID, handleResult: handleResults.open }
    if (sinceMs === 0) return this.#requests.receivedCount(by)
    return (await this.#requests.receivedWith(by)).filter(({ createTime }) => createTime.getTime() > sinceMs).length
  }

  async #page(
    results: readonly number[],
    { offset, limit }: Range,
    all: (range: Range) => RowPage,
    withResult: (handleResult: number, range: Range) => RowPage,
  ): Promise<FriendRequestPage> {
    const wanted = resultOrder.filter((result) => results.includes(result))
    if (wanted.length === 0) {
      const { rows, total } = await all({ offset, limit })
      return { total, requests: await this.#infos(rows) }
    }
    const found: Readonly<FriendRequest>[] = []
    let total = 0
    for (const handleResult of wanted) {
      const page = await withResult(handleResult, {
        offset: Math.max(0, offset - total),
        limit: limit - found.length,
      })
      found.push(...page.rows)
      total += page.total
    }
    return { total, requests: await this.#infos(found) }
  }

  async #infos(rows: Requests): Promise<readonly FriendRequestInfo[]> {
    const users = await this.#users.byID(rows.flatMap(({ fromUserID, toUserID }) => [fromUserID, toUserID]))
    return rows.map((row) => friendRequestInfo(row, users))
  }
}

const resultOrder = [handleResults.open, handleResults.agreed, handleResults.refused] as const
