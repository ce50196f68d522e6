import { describe, it } from 'vitest'
import { type CrashedRule, type CrashWorld, killDuring, ruleKillRuns } from './support/rule-crash.ts'

const users = Array.from({ length: 8 }, (_, at) => `u${at}`)
const [first, ...others] = users as [string, ...string[]]

interface Group {
  readonly groupID: string
  status: number
  /** Everybody's role, the owner's first. */
  readonly roles: ReadonlyMap<string, number>
}

const pagination = { pageNumber: 1, showNumber: 100 }

/** What the server says of a group now. */
async function groupNow(world: CrashWorld, groupID: string): Promise<Group> {
  const infos = await world.admin.must<{ groupInfos: { status: number }[] }>('/group/get_groups_info', {
    groupIDs: [groupID],
  })
  const list = await world.admin.must<{ members: { userID: string; roleLevel: number }[] }>(
    '/group/get_group_member_list',
    { groupID, filter: 0, keyword: '', pagination },
  )
  const roles = new Map(list.data.members.map(({ userID, roleLevel }) => [userID, roleLevel]))
  return { groupID, status: infos.data.groupInfos[0]!.status, roles }
}

/** What must hold of every group: its member list, everybody's own list and what each may read say the same; one owner. */
async function contradictions(world: CrashWorld, groupIDs: readonly string[]): Promise<string[]> {
  const wrong: string[] = []
  const joined = new Map<string, ReadonlySet<string>>()
  for (const userID of users) {
    const body = { userID, idHash: 0 }
    const list = await world.client(userID).must<{ groupIDs: string[] }>('/group/get_full_join_group_ids', body)
    joined.set(userID, new Set(list.data.groupIDs))
  }
  for (const groupID of groupIDs) {
    const { status, roles } = await groupNow(world, groupID)
    const listing = users.filter((userID) => joined.get(userID)!.has(groupID))
    if ([...roles.keys()].toSorted().join() !== listing.join())
      wrong.push(`${groupID} has ${[...roles.keys()].join()} and is in the lists of ${listing.join()}`)
    const ownerCount = [...roles.values()].filter((role) => role === 100).length
    if (status === 2 ? roles.size > 0 : ownerCount !== 1)
      wrong.push(`${groupID} with status ${status} has ${roles.size} members and ${ownerCount} owners`)
  }
  return wrong
}

/** Groups that all operations share, and what was confirmed of them. */
class Shared {
  readonly groupIDs: string[] = []
  readonly dismissed = new Set<string>()
  readonly contradictions: string[] = []

  async create(world: CrashWorld, memberUserIDs: readonly string[], needVerification = 2): Promise<string | undefined> {
    const groupID = `g${this.groupIDs.length}`
    this.groupIDs.push(groupID)
    const answer = await world.call(first, '/group/create_group', {
      ownerUserID: first,
      memberUserIDs,
      adminUserIDs: [],
      groupInfo: { groupID, groupName: groupID, groupType: 2, needVerification },
    })
    return answer === undefined ? undefined : groupID
  }

  /** Those of the last run, and some before: nothing happens to older ones any more. */
  get recent(): readonly string[] {
    return this.groupIDs.slice(-200)
  }

  /** Only groups that are there. */
  async audit(world: CrashWorld): Promise<string[]> {
    const infos = await world.admin.must<{ groupInfos: { groupID: string; status: number }[] }>(
      '/group/get_groups_info',
      { groupIDs: this.recent },
    )
    const there = infos.data.groupInfos.map(({ groupID }) => groupID)
    const lost = infos.data.groupInfos.filter(({ groupID, status }) => this.dismissed.has(groupID) && status !== 2)
    return [
      ...this.contradictions.splice(0),
      ...lost.map(({ groupID }) => `${groupID} was dismissed and is not`),
      ...(await contradictions(world, there)),
    ]
  }
}

const membership = new Shared()

/** Who was confirmed to have come or gone is what the last confirmed call said, unless another call was under way. */
const inviteAndLeave: CrashedRule = {
  name: 'invite, kick, quit, transfer',
  users,
  async operate(world) {
    const groupID = await membership.create(world, others.slice(0, 3))
    if (groupID === undefined) return
    const invitedUserIDs = others.slice(3).filter(() => world.random.int(2) === 0)
    if (invitedUserIDs.length === 0) return
    await world.call(first, '/group/invite_user_to_group', { groupID, invitedUserIDs, reason: '' })
    const kickedUserIDs = [others[0]!, ...invitedUserIDs.slice(0, 1)]
    await Promise.all([
      world.call(first, '/group/kick_group', { groupID, kickedUserIDs, reason: '' }),
      world.call(first, '/group/transfer_group', { groupID, oldOwnerUserID: first, newOwnerUserID: others[1]! }),
      world.call(others[1]!, '/group/quit_group', { groupID, userID: others[1]! }),
      world.call(others[2]!, '/group/quit_group', { groupID, userID: others[2]! }),
    ])
  },
  audit: (world) => membership.audit(world),
  async breakByHand(repositories) {
    for (const groupID of membership.recent)
      for (const { userID, roleLevel } of await repositories.groupMembers.ofGroup({ groupID }))
        if (roleLevel === 100) return repositories.groupMembers.delete({ groupID, userID })
    throw new Error('there is no group to break')
  },
}

const applications = new Shared()

/** An applicant is a member if and only if the application was agreed to. */
const acceptApplication: CrashedRule = {
  name: 'accept-application',
  users,
  async operate(world) {
    const groupID = await applications.create(world, [], 0)
    if (groupID === undefined) return
    await Promise.all(others.map((userID) => world.call(userID, '/group/join_group', { groupID, reqMessage: '' })))
    const answer = async (fromUserID: string, handleResult: number): Promise<boolean> => {
      const body = { groupID, fromUserID, handledMsg: '', handleResult }
      return (await world.call(first, '/group/group_application_response', body))?.errCode === 0
    }
    await Promise.all(
      others.map(async (userID, index) => {
        // Nobody refuses the first, so that there is somebody to be a member.
        const answers = index === 0 ? [1] : [1, -1]
        const won = (await Promise.all(answers.map((result) => answer(userID, result)))).filter(Boolean).length
        if (won > 1) applications.contradictions.push(`${won} answers to ${userID} in ${groupID} won`)
      }),
    )
  },
  async audit(world) {
    const wrong = await applications.audit(world)
    const results = new Map<string, number>()
    for (const userID of others) {
      const body = { userID, pagination: { pageNumber: 1, showNumber: 10_000 } }
      const { data } = await world
        .client(userID)
        .must<{ groupRequests: { groupInfo: { groupID: string }; handleResult: number }[] }>(
          '/group/get_user_req_group_applicationList',
          body,
        )
      for (const { groupInfo, handleResult } of data.groupRequests)
        results.set(`${userID} in ${groupInfo.groupID}`, handleResult)
      const list = await world
        .client(userID)
        .must<{ groupIDs: string[] }>('/group/get_full_join_group_ids', { userID, idHash: 0 })
      const joined = new Set(list.data.groupIDs.map((groupID) => `${userID} in ${groupID}`))
      for (const name of joined) if (results.get(name) !== 1) wrong.push(`${name} is a member nobody agreed to`)
      for (const { groupInfo, handleResult } of data.groupRequests)
        if (handleResult === 1 && !joined.has(`${userID} in ${groupInfo.groupID}`))
          wrong.push(`${userID} in ${groupInfo.groupID} was agreed to and is no member`)
    }
    return wrong
  },
  async breakByHand(repositories) {
    for (const groupID of applications.recent)
      for (const { userID } of await repositories.groupMembers.ofGroup({ groupID }))
        if (userID !== first) return repositories.groupMembers.delete({ groupID, userID })
    throw new Error('there is no group to break')
  },
}

const dismissing = new Shared()

/** A group that was dismissed is empty after the restart, and in nobody's list; one that was not keeps all its members. */
const dismissGroup: CrashedRule = {
  name: 'dismiss-group',
  users,
  async operate(world) {
    const groupID = await dismissing.create(world, others)
    if (groupID === undefined) return
    const answer = await world.call(first, '/group/dismiss_group', { groupID, deleteMember: false })
    if (answer?.errCode === 0) dismissing.dismissed.add(groupID)
  },
  async audit(world) {
    const wrong = await dismissing.audit(world)
    for (const groupID of dismissing.recent) {
      const infos = await world.admin.must<{ groupInfos: { status: number }[] }>('/group/get_groups_info', {
        groupIDs: [groupID],
      })
      if (infos.data.groupInfos[0]?.status !== 0) continue
      const { roles } = await groupNow(world, groupID)
      if (roles.size !== users.length) wrong.push(`${groupID} was not dismissed and has ${roles.size} members`)
    }
    return wrong
  },
  breakByHand: (repositories) =>
    repositories.groups.patch({ groupID: [...dismissing.dismissed].at(-1)! }, { status: 0 }),
}

describe('kill -9 during a rule over several rows', () => {
  for (const rule of [inviteAndLeave, acceptApplication, dismissGroup])
    it(`${rule.name}: all of it or nothing, ${ruleKillRuns} runs`, () => killDuring(rule))
})
