import { randomUUID } from 'node:crypto'
import type { RevisedRow } from '@parlance/cached-repository'
import { type Clock, type Count, systemClock } from '@parlance/core'
import { handleResults, notificationTypes, roleLevels } from '@parlance/openim-protocol'
import { type GroupRequest, groupRequests } from '../entities/group-request.ts'
import { type Group, groups } from '../entities/group.ts'
import { againOnConflict } from './again-on-conflict.ts'
import type { Caller } from './caller.ts'
import { groupRequestInfo } from './group-request-info.ts'
import { requireInGroup } from './group-permissions.ts'
import type { GroupState } from './group-state.ts'
import type { GroupTips } from './group-tips.ts'
import type { MembershipWrites, Writes } from './membership-writes.ts'
import { newMember } from './new-member.ts'
import type { Notifications } from './notifications.ts'
import { groupRequestHandled, notFound } from './refusals.ts'
import type { ImRepositories } from './repositories.ts'
import type { Users } from './users.ts'

/** What somebody wants to join a group with. */
export type GroupAsk = Pick<GroupRequest, 'userID' | 'reqMsg' | 'joinSource' | 'inviterUserID' | 'ex'>

/** How an application is answered. */
export interface GroupAnswer {
  readonly groupID: string
  readonly fromUserID: string
  readonly handledMsg: string
  readonly isAgreed: boolean
}

/** What {@link GroupRequests} needs. */
export interface GroupRequestsOptions {
  readonly repositories: Pick<ImRepositories, 'groupRequests' | 'groupMembers' | 'together'>
  readonly state: GroupState
  readonly writes: MembershipWrites
  readonly users: Users
  readonly tips: GroupTips
  readonly notifications: Notifications
  readonly clock?: Clock
}

/** Owner and admins who are told of an application; further ones find it in their list. */
const maxToldLeaders: Count = 100
const never = new Date(0)

/** Applications for groups: asked by who wants to join or for who is invited, answered once. */
export class GroupRequests {
  readonly #requests: ImRepositories['groupRequests']
  readonly #members: ImRepositories['groupMembers']
  readonly #together: ImRepositories['together']
  readonly #state: GroupState
  readonly #writes: MembershipWrites
  readonly #users: Users
  readonly #tips: GroupTips
  readonly #notifications: Notifications
  readonly #clock: Clock

  constructor({ repositories, state, writes, users, tips, notifications, clock = systemClock }: GroupRequestsOptions) {
    this.#requests = repositories.groupRequests
    this.#members = repositories.groupMembers
    this.#together = repositories.together
    this.#state = state
    this.#writes = writes
    this.#users = users
    this.#tips = tips
    this.#notifications = notifications
    this.#clock = clock
  }

  /** Writes that make applications, or make them anew. They conflict with an answer that comes meanwhile. */
  async asking(groupID: string, asks: readonly GroupAsk[]): Promise<Writes> {
    const reqTime = new Date(this.#clock.now())
    const known = await Promise.all(
      asks.map(({ userID }) => this.#requests.getWithRevision({ groupID, userID }, { read: 'store' })),
    )
    return (together) => {
      for (const [at, { userID, ...ask }] of asks.entries()) {
        const request = { ...ask, ...unanswered, reqTime }
        const before = known[at]
        if (before === undefined) together.insert(groupRequests, { groupID, userID, ...request })
        else together.patch(groupRequests, { groupID, userID }, request, { ifRevision: before.revision })
      }
    }
  }

  /** Tells owner, admins and the applicant (1503), and who invited the applicant. */
  async tellAsked(caller: Caller, groupID: string, userIDs: readonly string[]): Promise<void> {
    const leaderIDs = await this.#leaderIDs(groupID)
    for (const userID of userIDs) {
      const request = await this.#requests.get({ groupID, userID })
      if (request === undefined) continue
      const { group } = await this.#tips.frame(caller, groupID)
      const info = groupRequestInfo(request, group, await this.#users.byID([userID]))
      const tips = { group, applicant: info.userInfo, reqMsg: request.reqMsg, uuid: randomUUID(), request: info }
      const receivers = new Set([...leaderIDs, userID, caller.userID])
      await this.#send(caller, receivers, notificationTypes.joinGroupApplication, () => tips)
    }
  }

  /**
   * Answers an application. Agreed to, the applicant is a member in the same step; who is one by then stays as it is.
   *
   * Tells owner, admins and the applicant (1505 or 1506), and the group of its new member (1510; 1509 when it was invited).
   *
   * @throws {@link ImError} 1002 for who may not, 1004 when nobody asked, 1201, 1204, 1206 when it was answered before.
   */
  async answer(caller: Caller, answer: GroupAnswer): Promise<void> {
    const { groupID, fromUserID } = answer
    const { request, hasEntered } = await againOnConflict(async () => {
      const group = await this.#state.open(groupID)
      requireInGroup('answerRequest', await this.#state.actor(caller, groupID))
      return this.#answerOnce(caller, answer, group)
    })
    await this.#tellAnswered(caller, request)
    if (hasEntered) await this.#tellEntered(caller, groupID, fromUserID, request.inviterUserID)
  }

  async #answerOnce(
    caller: Caller,
    { groupID, fromUserID: userID, handledMsg, isAgreed }: GroupAnswer,
    group: RevisedRow<Group>,
  ): Promise<{ readonly request: GroupRequest; readonly hasEntered: boolean }> {
    const [asked, member] = await Promise.all([
      this.#requests.getWithRevision({ groupID, userID }, { read: 'store' }),
      this.#state.member(groupID, userID),
    ])
    if (asked === undefined) throw notFound(`${userID} did not apply for group ${groupID}`)
    if (asked.row.handleResult !== handleResults.open) throw groupRequestHandled(userID)
    const joinTime = new Date(this.#clock.now())
    const { inviterUserID, joinSource } = asked.row
    const hasEntered = isAgreed && member === undefined
    const entrant = { groupID, userID, roleLevel: roleLevels.ordinary, joinTime, joinSource }
    const entering = hasEntered
      ? this.#writes.entering([newMember({ ...entrant, inviterUserID, operatorUserID: caller.userID })])
      : undefined
    const change = {
      handleResult: isAgreed ? handleResults.agreed : handleResults.refused,
      handledMsg,
      handleUserID: caller.userID,
      handledTime: joinTime,
    }
    await this.#together((together) => {
      together.require(groups, { groupID }, { ifRevision: group.revision })
      together.patch(groupRequests, { groupID, userID }, change, { ifRevision: asked.revision })
      entering?.(together)
    })
    return { request: { ...asked.row, ...change }, hasEntered }
  }

  async #tellAnswered(caller: Caller, request: GroupRequest): Promise<void> {
    const { groupID, userID, handledMsg, handleResult } = request
    const [{ group, opUser }, users, leaderIDs] = await Promise.all([
      this.#tips.frame(caller, groupID),
      this.#users.byID([userID]),
      this.#leaderIDs(groupID),
    ])
    const contentType =
      handleResult === handleResults.agreed
        ? notificationTypes.groupApplicationAccepted
        : notificationTypes.groupApplicationRejected
    const tips = {
      group,
      opUser,
      handleMsg: handledMsg,
      uuid: randomUUID(),
      request: groupRequestInfo(request, group, users),
    }
    const receivers = new Set([...leaderIDs, userID, caller.userID])
    await this.#send(caller, receivers, contentType, (receiver) => ({
      ...tips,
      receiverAs: receiver === userID ? 0 : 1,
    }))
  }

  async #tellEntered(caller: Caller, groupID: string, userID: string, inviterUserID: string): Promise<void> {
    const entrantUser = await this.#tips.memberOrUser(groupID, userID)
    if (inviterUserID === '') {
      await this.#tips.tell(caller, groupID, notificationTypes.memberEnter, { entrantUser }, { asMessage: true })
      return
    }
    const inviterUser = await this.#tips.memberOrUser(groupID, inviterUserID)
    const tips = { invitedUserList: [entrantUser], inviterUser }
    await this.#tips.tell(caller, groupID, notificationTypes.memberInvited, tips, { asMessage: true })
  }

  async #send(
    { userID: sendID, operationID }: Caller,
    receivers: ReadonlySet<string>,
    contentType: number,
    tipsFor: (receiver: string) => object,
  ): Promise<void> {
    for (const userID of receivers)
      await this.#notifications.send({ sendID, to: { userID }, contentType, tips: tipsFor(userID), operationID })
  }

  async #leaderIDs(groupID: string): Promise<readonly string[]> {
    const { rows } = await this.#members.ofGroup.page({ groupID }, { limit: maxToldLeaders })
    return rows.filter(({ roleLevel }) => roleLevel >= roleLevels.admin).map(({ userID }) => userID)
  }
}

const unanswered = { handleResult: handleResults.open, handledMsg: '', handleUserID: '', handledTime: never }
