import { describe, it } from 'vitest'
import { type CrashedRule, killDuring, ruleKillRuns } from './support/rule-crash.ts'

const users = Array.from({ length: 6 }, (_, at) => `u${at}`)

/** Groups by id: who asked for it, and whether the answer came. */
const asked = new Map<string, { readonly userIDs: readonly string[]; isConfirmed: boolean }>()

const ofGroup = { pageNumber: 1, showNumber: 100 }

/** A group is there with all its first members, in everybody's list, or not at all. */
const createGroup: CrashedRule = {
  name: 'create-group',
  users,
  async operate(world) {
    const groupID = `g${asked.size}`
    const ownerUserID = world.random.pick(users)
    const memberUserIDs = users.filter((userID) => userID !== ownerUserID && world.random.int(2) === 0)
    const group = { userIDs: [ownerUserID, ...memberUserIDs], isConfirmed: false }
    asked.set(groupID, group)
    const answer = await world.call(ownerUserID, '/group/create_group', {
      ownerUserID,
      memberUserIDs,
      adminUserIDs: [],
      groupInfo: { groupID, groupName: groupID, groupType: 2 },
    })
    if (answer !== undefined && answer.errCode !== 0) throw new Error(`${groupID}: ${JSON.stringify(answer)}`)
    group.isConfirmed = answer !== undefined
  },
  async audit(world) {
    const wrong: string[] = []
    const joined = new Map<string, Set<string>>()
    for (const userID of users) {
      const list = await world
        .client(userID)
        .must<{ groupIDs: string[] }>('/group/get_full_join_group_ids', { userID, idHash: 0 })
      joined.set(userID, new Set(list.data.groupIDs))
    }
    for (const [groupID, { userIDs, isConfirmed }] of asked) {
      const { data: members } = await world.admin.must<{ members: { userID: string }[] }>(
        '/group/get_group_member_list',
        { groupID, filter: 0, keyword: '', pagination: ofGroup },
      )
      const { data: infos } = await world.admin.must<{ groupInfos: unknown[] }>('/group/get_groups_info', {
        groupIDs: [groupID],
      })
      const there = members.members.map(({ userID }) => userID).toSorted()
      const listing = users.filter((userID) => joined.get(userID)!.has(groupID))
      const expected = isConfirmed || infos.groupInfos.length > 0 ? userIDs.toSorted() : []
      if (infos.groupInfos.length !== (expected.length > 0 ? 1 : 0)) wrong.push(`${groupID} was confirmed and is gone`)
      if (there.join() !== expected.join()) wrong.push(`${groupID} has ${there.join()} instead of ${expected.join()}`)
      if (listing.join() !== expected.join())
        wrong.push(`${groupID} is in the lists of ${listing.join()} instead of ${expected.join()}`)
    }
    return wrong
  },
  breakByHand: (repositories) => {
    const [groupID, group] = [...asked].find(([, { isConfirmed }]) => isConfirmed)!
    return repositories.groupMembers.delete({ groupID, userID: group.userIDs[0]! })
  },
}

describe('kill -9 during a rule over several rows', () => {
  it(`create-group: all of it or nothing, ${ruleKillRuns} runs`, () => killDuring(createGroup))
})
