import { groupConversationID } from '@parlance/openim-protocol'
import { until } from '@parlance/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { MembershipWrites } from '../src/domain/membership-writes.ts'
import { newMember } from '../src/domain/new-member.ts'
import { ascending, codes, groupActs } from './support/group-acts.ts'
import { type ImWorld, imWorld } from './support/im-world.ts'

let world: ImWorld
beforeEach(async () => {
  world = await imWorld()
  await world.register('owner', 'admin', 'ann', 'bob', 'cyd')
})
afterEach(() => world.close())

const { group, memberIDs, join, answer, invite, kick, quit, transfer, dismiss, types } = groupActs(() => world)

describe('two requests at the same moment', () => {
  /** Who owns the group; there has to be one. */
  const owners = async (groupID: string): Promise<string[]> =>
    (await world.repositories.groupMembers.ofGroup({ groupID }, { read: 'store' }))
      .filter(({ roleLevel }) => roleLevel === 100)
      .map(({ userID }) => userID)

  it('an application is answered once', async () => {
    for (let round = 0; round < 10; round++) {
      const groupID = await group(0)
      await join('ann', groupID)
      world.told.length = 0
      const outcome = await codes(
        answer('owner', groupID, 'ann'),
        answer('admin', groupID, 'ann', false),
        answer('admin', groupID, 'ann'),
      )
      expect(outcome.toSorted(ascending)).toEqual([0, 1206, 1206])
      const isMember = (await memberIDs(groupID)).includes('ann')
      expect(isMember).toBe(outcome[1] !== 0)
      expect(types().filter((type) => type === 1510)).toHaveLength(isMember ? 1 : 0)
    }
  })

  it('somebody becomes a member once, however many let it in', async () => {
    const groupID = await group(2)
    const outcome = await codes(join('ann', groupID), join('ann', groupID), invite('owner', groupID, 'ann'))
    expect(outcome.filter((code) => code === 0).length).toBeGreaterThan(0)
    expect((await memberIDs(groupID)).filter((userID) => userID === 'ann')).toHaveLength(1)
    expect(types()).toHaveLength(1)
  })

  it('a group has one owner whoever it is handed to, and whoever leaves', async () => {
    for (let round = 0; round < 20; round++) {
      const groupID = await group(0, 'ann', 'bob')
      await Promise.allSettled([
        transfer(groupID, 'owner', 'ann'),
        transfer(groupID, 'owner', 'bob'),
        round % 2 === 0 ? quit('ann', groupID) : kick('admin', groupID, 'ann'),
        quit('bob', groupID),
        quit('owner', groupID),
      ])
      const [ownerID, ...others] = await owners(groupID)
      expect(ownerID).toBeDefined()
      expect(others).toEqual([])
    }
  })

  it('nobody stays in a group that is being dismissed', async () => {
    for (let round = 0; round < 10; round++) {
      const groupID = await group(2)
      const joins = ['ann', 'bob', 'cyd'].map((userID) => join(userID, groupID))
      await Promise.allSettled([...joins.slice(0, 2), dismiss('owner', groupID), ...joins.slice(2)])
      await until('everybody is removed', async () => (await memberIDs(groupID)).length === 0)
      expect(await world.repositories.groupMembers.countOfGroup({ groupID }, { read: 'store' })).toBe(0)
      expect(await codes(join('ann', groupID))).toEqual([1204])
    }
  })

  it('who enters reads everything, also where it entered and left while another request let it in', async () => {
    const groupID = await group(2)
    const writes = new MembershipWrites(world.repositories)
    const late = newMember({ groupID, userID: 'ann', roleLevel: 20, joinTime: new Date(world.clock.now()) })
    const entering = writes.entering([late])
    await world.send('owner', { groupID })
    await join('ann', groupID)
    await quit('ann', groupID)
    await world.repositories.together(entering)
    await world.send('owner', { groupID })
    const conversationID = groupConversationID(groupID)
    expect(await world.messages.seqs('ann', [])).toMatchObject([{ conversationID, maxSeq: 2 }])
    expect(await world.messages.seqs('ann', [conversationID])).toMatchObject([{ conversationID, maxSeq: 2 }])
    expect(await world.conversations.all('ann')).toMatchObject([{ conversationID, maxSeq: 0 }])
    expect(await world.conversations.find('ann', [conversationID])).toMatchObject([{ maxSeq: 0 }])
  })

  it('a member is kicked once', async () => {
    const groupID = await group(0, 'ann')
    const outcome = await codes(kick('owner', groupID, 'ann'), kick('admin', groupID, 'ann'), quit('ann', groupID))
    expect(outcome.toSorted(ascending)).toEqual([0, 1203, 1203])
    expect(types()).toHaveLength(1)
  })
})
