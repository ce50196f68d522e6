import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { singleAddress } from '../src/domain/messages/address.ts'
import { PeerRules } from '../src/domain/messages/peer-rules.ts'
import { relationLimits } from '../src/domain/relation-limits.ts'
import { adminUserID, type ImWorld, imWorld } from './support/im-world.ts'

let world: ImWorld
beforeEach(async () => {
  world = await imWorld()
  await world.register('alice', 'bob', 'carol')
})
afterEach(() => world.close())

const block = (ownerUserID: string, blackUserID: string) =>
  world.blacklist.add(world.caller(ownerUserID), ownerUserID, blackUserID, 'e')
const unblock = (ownerUserID: string, blackUserID: string) =>
  world.blacklist.remove(world.caller(ownerUserID), ownerUserID, blackUserID)
const blocked = async (userID: string) =>
  (await world.blacklist.page(userID, { pageNumber: 1, showNumber: 10 })).blacks.map(
    ({ blackUserInfo }) => blackUserInfo.userID,
  )

describe('a black list', () => {
  it('takes users in, and only its owner’s devices hear of it', async () => {
    await block('alice', 'bob')
    expect(await world.blacklist.find('alice', ['carol', 'bob', 'nobody'])).toEqual([
      {
        ownerUserID: 'alice',
        createTime: world.clock.now(),
        blackUserInfo: { userID: 'bob', nickname: 'name of bob', faceURL: 'face of bob', ex: '' },
        addSource: 0,
        operatorUserID: 'alice',
        ex: 'e',
      },
    ])
    await unblock('alice', 'bob')
    const fromToUserID = { fromUserID: 'alice', toUserID: 'bob' }
    expect(world.told).toMatchObject([
      {
        contentType: 1207,
        sendID: 'alice',
        to: { userID: 'alice' },
        tips: { fromToUserID },
        operationID: 'op of alice',
      },
      {
        contentType: 1208,
        sendID: 'alice',
        to: { userID: 'alice' },
        tips: { fromToUserID },
        operationID: 'op of alice',
      },
    ])
    expect(await blocked('alice')).toEqual([])
  })

  it.each([
    ['oneself', 'alice', 1301],
    ['nobody', 'nobody', 1101],
    ['who is in it', 'bob', 1003],
  ])('does not take %s', async (_whom, userID, errCode) => {
    await block('alice', 'bob')
    await expect(block('alice', userID)).rejects.toMatchObject({ errCode })
    expect(await blocked('alice')).toEqual(['bob'])
    expect(world.told.length).toBe(1)
  })

  it('says so when who is to be taken out is not in it', async () => {
    await expect(unblock('alice', 'bob')).rejects.toMatchObject({ errCode: 1004 })
    expect(world.told).toEqual([])
  })

  it('takes one of several additions at the same moment', async () => {
    const results = await Promise.allSettled([block('alice', 'bob'), block('alice', 'bob'), block('alice', 'bob')])
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    const reasons = results.flatMap((one) => (one.status === 'rejected' ? [one.reason as { errCode: number }] : []))
    expect(reasons.map(({ errCode }) => errCode)).toEqual([1003, 1003])
  })

  it('is bounded', async () => {
    const createTime = new Date(0)
    await world.repositories.blacks.putMany(
      Array.from({ length: relationLimits.blacks }, (_, at) => ({
        ownerUserID: 'alice',
        blackUserID: `u${at}`,
        createTime,
        addSource: 0,
        operatorUserID: '',
        ex: '',
      })),
    )
    await expect(block('alice', 'bob')).rejects.toMatchObject({ errCode: 1803 })
  })

  it('tells what came and went since a version', async () => {
    const first = await world.blacklist.incremental('alice', { version: 0, versionID: '' })
    expect(first).toMatchObject({ full: true, version: 1 })
    await block('alice', 'bob')
    const second = await world.blacklist.incremental('alice', first)
    expect(second).toMatchObject({ full: false, insert: [{ blackUserInfo: { userID: 'bob' } }], delete: [] })
    await unblock('alice', 'bob')
    expect(await world.blacklist.incremental('alice', second)).toMatchObject({ insert: [], delete: ['bob'] })
  })
})

describe('a message', () => {
  const stored = async () => {
    const [head] = await world.repositories.messages.heads([singleAddress('alice', 'bob').stream])
    return head
  }

  it('to who blocked the sender is refused and not stored; the other way it goes', async () => {
    await block('alice', 'bob')
    const before = await stored()
    await expect(world.send('bob', { userID: 'alice' })).rejects.toMatchObject({ errCode: 1302 })
    expect(await stored()).toEqual(before)
    await world.send('alice', { userID: 'bob' })
    await unblock('alice', 'bob')
    await world.send('bob', { userID: 'alice' })
  })

  it('in a group goes to everybody, whoever blocked whom', async () => {
    await world.group('g', 'alice', 'bob')
    await block('alice', 'bob')
    await world.send('bob', { groupID: 'g' })
  })

  it('of the administrator itself is always let in', async () => {
    await block('alice', adminUserID)
    await world.send(adminUserID, { userID: 'alice' })
  })
})

describe('with friendVerify a message', () => {
  it('goes only to who has the sender in the list of friends', async () => {
    const rules = new PeerRules({ repositories: world.repositories, friendVerify: true })
    await expect(rules.admit('bob', 'alice')).rejects.toMatchObject({ errCode: 1303 })
    await world.friendships.import(world.caller(adminUserID), 'alice', ['bob'])
    await rules.admit('bob', 'alice')
    await world.friendships.delete(world.caller('bob'), 'bob', 'alice')
    await rules.admit('bob', 'alice')
    await expect(rules.admit('alice', 'bob')).rejects.toMatchObject({ errCode: 1303 })
    await rules.admit('alice', 'alice')
    await block('alice', 'bob')
    await expect(rules.admit('bob', 'alice')).rejects.toMatchObject({ errCode: 1302 })
  })
})
