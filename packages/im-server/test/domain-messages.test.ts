import { MsgData } from '@parlance/openim-protocol'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { singleAddress } from '../src/domain/messages/address.ts'
import { noCause as cause } from '../src/domain/messages/push-record.ts'
import { adminUserID, type ImWorld, imWorld } from './support/im-world.ts'

let world: ImWorld
beforeEach(async () => {
  world = await imWorld()
  await world.register('alice', 'bob')
})
afterEach(() => world.close())

const conversationID = 'si_alice_bob'
const message = (change: Partial<MsgData> = {}): MsgData => ({
  ...MsgData.zero(),
  sendID: 'alice',
  recvID: 'bob',
  clientMsgID: 'one',
  sessionType: 1,
  contentType: 101,
  content: Buffer.from('{"content":"hello"}'),
  ...change,
})
const newest = async (): Promise<MsgData> => {
  const found = await world.messages.lastMessages('bob', [conversationID])
  return found.get(conversationID)!
}

describe('a message', () => {
  it.each([
    ['an id of more than 64 characters', { recvID: 'x'.repeat(65) }],
    ['a group id of more than 64 characters', { sessionType: 3, recvID: '', groupID: 'x'.repeat(65) }],
    ['a control character in an id', { recvID: 'b\nb' }],
    ['a control character in its clientMsgID', { clientMsgID: 'o\u0007ne' }],
    ['somebody mentioned by more than 64 characters', { atUserIDList: ['x'.repeat(65)] }],
  ])('with %s is refused', async (_name, change) => {
    await expect(world.messages.send(world.caller('alice'), message(change))).rejects.toMatchObject({ errCode: 1001 })
  })

  it('of an operation with a name of more than 256 characters is refused: the name travels with it', async () => {
    const send = (length: number) =>
      world.messages.send({ ...world.caller('alice'), operationID: 'o'.repeat(length) }, message())
    await expect(send(257)).rejects.toMatchObject({ errCode: 1001 })
    await send(256)
  })

  it('has the time of the server and the platform of its sender, whatever is asked for', async () => {
    await world.messages.send(world.caller('alice'), message({ sendTime: 5, senderPlatformID: 1 }))
    expect(await newest()).toMatchObject({ sendTime: world.clock.now(), senderPlatformID: 5 })
  })

  it('has the platform that the administrator names', async () => {
    await world.messages.send(world.caller(adminUserID), message({ sendTime: 5, senderPlatformID: 1 }))
    expect(await newest()).toMatchObject({ sendTime: world.clock.now(), senderPlatformID: 1 })
  })
})

describe('a read mark', () => {
  const mark = (hasReadSeq: number, seqs: readonly number[]) =>
    world.messages.markConversationAsRead(world.caller('bob'), 'bob', conversationID, hasReadSeq, seqs)
  const toldSeqs = (): readonly (readonly number[])[] =>
    world.told.map(({ tips }) => (tips as { readonly seqs: readonly number[] }).seqs)
  beforeEach(async () => {
    for (let count = 0; count < 4; count++) await world.send('alice', { userID: 'bob' })
  })

  it('that does not move is told to nobody', async () => {
    await mark(2, [1, 2])
    await mark(2, [1, 2])
    await mark(1, [])
    await world.messages.markMessagesAsRead(world.caller('bob'), 'bob', conversationID, [2])
    expect(world.told).toMatchObject([{ contentType: 2200, tips: { hasReadSeq: 2, seqs: [1, 2] } }])
  })

  it('names each message once, and none that was read before or is not there', async () => {
    await mark(1, [1])
    await mark(0, [3, 1, 2, 3, 99])
    expect(toldSeqs()).toEqual([[1], [2, 3]])
    expect(world.told.at(-1)).toMatchObject({ tips: { hasReadSeq: 4 } })
  })

  it('names at most the 1 000 newest', async () => {
    const added = Array.from({ length: 1_000 }, (_, at) => ({ body: message({ clientMsgID: `more ${at}` }), cause }))
    await world.repositories.messages.append(singleAddress('alice', 'bob').stream, added)
    await mark(
      0,
      Array.from({ length: 1_004 }, (_, at) => at + 1),
    )
    expect(toldSeqs()).toEqual([Array.from({ length: 1_000 }, (_, at) => at + 5)])
  })
})
