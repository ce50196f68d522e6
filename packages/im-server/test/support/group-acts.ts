import type { GroupAsk } from '../../src/domain/group-requests.ts'
import { draft, type ImWorld } from './im-world.ts'

/** Shorthands for what a world's users do with groups, each acting for itself. */
export interface GroupActs {
  /** A group of owner and admin, and of whom is named; what was told of it is forgotten. */
  readonly group: (needVerification: number, ...memberUserIDs: string[]) => Promise<string>
  readonly memberIDs: (groupID: string) => Promise<readonly string[]>
  readonly join: (userID: string, groupID: string) => Promise<void>
  readonly answer: (userID: string, groupID: string, fromUserID: string, isAgreed?: boolean) => Promise<void>
  readonly invite: (userID: string, groupID: string, ...userIDs: string[]) => Promise<void>
  readonly kick: (userID: string, groupID: string, ...userIDs: string[]) => Promise<void>
  readonly quit: (userID: string, groupID: string) => Promise<void>
  readonly transfer: (groupID: string, from: string, to: string) => Promise<void>
  readonly dismiss: (userID: string, groupID: string) => Promise<void>
  /** The kinds of what was told. */
  readonly types: () => number[]
}

const ask: Omit<GroupAsk, 'userID' | 'inviterUserID'> = { reqMsg: 'please', joinSource: 3, ex: '' }
let groupCount = 0

/** @param worldNow - Each test has a world of its own. */
export function groupActs(worldNow: () => ImWorld): GroupActs {
  const caller = (userID: string) => worldNow().caller(userID)
  return {
    async group(needVerification, ...memberUserIDs) {
      const groupID = `g${groupCount++}`
      await worldNow().groupCreation.create(
        caller('owner'),
        { ...draft, groupID, needVerification },
        { ownerUserID: 'owner', adminUserIDs: ['admin'], memberUserIDs },
      )
      worldNow().told.length = 0
      return groupID
    },
    memberIDs: (groupID) => worldNow().groups.memberIDs(groupID),
    join: (userID, groupID) => worldNow().groupMembership.join(caller(userID), groupID, ask),
    answer: (userID, groupID, fromUserID, isAgreed = true) =>
      worldNow().groupRequests.answer(caller(userID), { groupID, fromUserID, handledMsg: 'so be it', isAgreed }),
    invite: (userID, groupID, ...userIDs) =>
      worldNow().groupMembership.invite(caller(userID), groupID, userIDs, 'come'),
    kick: (userID, groupID, ...userIDs) => worldNow().groupMembership.kick(caller(userID), groupID, userIDs, 'go'),
    quit: (userID, groupID) => worldNow().groupMembership.quit(caller(userID), groupID, userID),
    transfer: (groupID, from, to) => worldNow().groupRoles.transfer(caller(from), groupID, from, to),
    dismiss: (userID, groupID) => worldNow().groupDismissal.dismiss(caller(userID), groupID),
    types: () => worldNow().told.map(({ contentType }) => contentType),
  }
}

/** The codes of calls made at the same moment; 0 for one that worked. */
export async function codes(...calls: readonly Promise<unknown>[]): Promise<number[]> {
  return (await Promise.allSettled(calls)).map((one) =>
    one.status === 'fulfilled' ? 0 : (one.reason as { readonly errCode: number }).errCode,
  )
}

export const ascending = (a: number, b: number): number => a - b
