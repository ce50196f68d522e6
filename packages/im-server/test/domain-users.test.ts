import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { adminUserID, type ImWorld, imWorld } from './support/im-world.ts'

let world: ImWorld
beforeEach(async () => {
  world = await imWorld()
})
afterEach(() => world.close())

const newUser = (userID: string) => ({
  userID,
  nickname: '',
  faceURL: '',
  ex: '',
  appMangerLevel: 0,
  globalRecvMsgOpt: 0,
})

describe('registration', () => {
  it('makes a profile', async () => {
    await world.register('alice')
    expect(await world.users.infos(['alice'])).toEqual([
      {
        userID: 'alice',
        nickname: 'name of alice',
        faceURL: 'face of alice',
        ex: '',
        createTime: world.clock.now(),
        appMangerLevel: 0,
        globalRecvMsgOpt: 0,
      },
    ])
  })

  it('gives an id once, and all of a list or none', async () => {
    await world.register('alice')
    await expect(world.register('bob', 'alice', 'carol')).rejects.toMatchObject({
      errCode: 1102,
      message: expect.stringContaining('alice'),
    })
    expect(await world.users.infos(['alice', 'bob', 'carol'])).toHaveLength(1)
  })

  it('lets one of two at the same time win', async () => {
    const outcomes = await Promise.allSettled([world.register('alice', 'bob'), world.register('carol', 'alice')])
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    expect(outcomes.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { errCode: 1102 } })
    expect(await world.users.infos(['alice', 'bob', 'carol'])).toHaveLength(2)
  })

  it('refuses a user named twice', async () => {
    await expect(world.users.register([newUser('alice'), newUser('alice')])).rejects.toMatchObject({ errCode: 1001 })
  })

  it('keeps ids apart that differ in case, width or composition', async () => {
    const ids = ['alice', 'Alice', 'ａlice', 'e\u0301', '\u00e9', 'a_b', 'a b']
    await world.register(...ids)
    expect((await world.users.infos(ids)).map(({ userID }) => userID)).toEqual(ids)
  })
})

describe('the administrator', () => {
  it('is there from the start, and once', async () => {
    await world.users.ensureAdmin(adminUserID)
    expect(await world.users.infos([adminUserID])).toMatchObject([{ userID: adminUserID, appMangerLevel: 2 }])
  })
})

describe('profiles', () => {
  it('are found in the order asked, without those that are not there', async () => {
    await world.register('alice', 'bob')
    expect((await world.users.infos(['bob', 'nobody', 'alice'])).map(({ userID }) => userID)).toEqual(['bob', 'alice'])
    await expect(world.users.requireAll(['alice', 'x', 'y'])).rejects.toMatchObject({
      errCode: 1101,
      message: expect.stringContaining('x, y'),
    })
  })

  it('change field by field, and the own devices hear of it with the operation that did it', async () => {
    await world.register('alice')
    await world.users.change(world.caller('alice'), 'alice', { nickname: '', ex: 'more' })
    expect(await world.users.infos(['alice'])).toMatchObject([{ nickname: '', faceURL: 'face of alice', ex: 'more' }])
    expect(world.told).toEqual([
      {
        sendID: 'alice',
        to: { userID: 'alice' },
        contentType: 1303,
        tips: { userID: 'alice' },
        operationID: 'op of alice',
      },
    ])
  })

  it('of nobody do not change', async () => {
    await expect(world.users.change(world.caller(adminUserID), 'nobody', { ex: 'x' })).rejects.toMatchObject({
      errCode: 1101,
    })
    expect(world.told).toEqual([])
  })
})
