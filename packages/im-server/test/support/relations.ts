import type { FriendRequestInfo } from '../../src/domain/relation-infos.ts'
import type { ImWorld } from './im-world.ts'

/** What was told, with its receiver by name. */
export interface Told {
  readonly contentType: number
  readonly sendID: string
  readonly to: string
  readonly asMessage: boolean | 'only' | undefined
  readonly tips: object
  readonly operationID: string
}

/** Shorthands for the relations of a world's users, each acting for itself. */
export interface Relations {
  apply(fromUserID: string, toUserID: string, reqMsg?: string): Promise<void>
  answer(fromUserID: string, toUserID: string, isAccepted: boolean, handleMsg?: string): Promise<void>
  accept(fromUserID: string, toUserID: string): Promise<void>
  befriend(fromUserID: string, toUserID: string): Promise<void>
  listOf(userID: string): Promise<string[]>
  request(fromUserID: string, toUserID: string): Promise<FriendRequestInfo | undefined>
  toldOf(from: number): Told[]
  /** The code of each call's refusal, 0 for one that worked. */
  codes(calls: readonly Promise<unknown>[]): Promise<number[]>
}

export function relationsOf(world: ImWorld): Relations {
  const relations: Relations = {
    apply: (fromUserID, toUserID, reqMsg = 'hello') =>
      world.friendRequests.apply(world.caller(fromUserID), { fromUserID, toUserID, reqMsg, ex: 'e' }),
    answer: (fromUserID, toUserID, isAccepted, handleMsg = 'well') =>
      world.friendRequests.answer(world.caller(toUserID), { fromUserID, toUserID, isAccepted, handleMsg }),
    accept: (fromUserID, toUserID) => relations.answer(fromUserID, toUserID, true),
    async befriend(fromUserID, toUserID) {
      await relations.apply(fromUserID, toUserID)
      await relations.accept(fromUserID, toUserID)
    },
    async listOf(userID) {
      const { friends } = await world.friends.page(userID, { pageNumber: 1, showNumber: 100 })
      return friends.map(({ friendUser }) => friendUser.userID)
    },
    async request(fromUserID, toUserID) {
      const both = await world.friendRequestLists.between(fromUserID, toUserID)
      return both.find((one) => one.fromUserID === fromUserID)
    },
    toldOf: (from) =>
      world.told.slice(from).map(({ contentType, sendID, to, asMessage, tips, operationID }) => ({
        contentType,
        sendID,
        to: 'userID' in to ? to.userID : to.groupID,
        asMessage,
        tips,
        operationID,
      })),
    async codes(calls) {
      const results = await Promise.allSettled(calls)
      return results.map((one) => {
        if (one.status === 'fulfilled') return 0
        const { errCode } = one.reason as { readonly errCode?: number }
        if (errCode === undefined) throw one.reason
        return errCode
      })
    },
  }
  return relations
}
