import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ApiClient } from '../../../packages/im-server/test/support/api-client.ts'
import { CbEvents, SdkClient } from '../../../packages/im-server/test/support/sdk-client.ts'
import { startServer, type TestServer } from '../../../packages/im-server/test/support/test-server.ts'
import { reactionsExtension } from '../src/reactions-extension.ts'
import { Replica } from './replica.ts'

/** A device: an unmodified SDK, and the application's own calls with the same token. */
interface Device {
  readonly sdk: SdkClient
  readonly api: ApiClient
}

describe('reactions on unmodified SDKs', () => {
  let server: TestServer
  let ada: Device
  let bob: Device
  let bobsPhone: Device
  let cyd: Device
  let groupID: string
  const devices: Device[] = []
  const withBob = { conversationID: 'si_ada_bob' }

  const login = async (userID: string, platformID = 5): Promise<Device> => {
    const token = await server.admin.userToken(userID, platformID)
    const sdk = await SdkClient.login({ userID, token, platformID, apiAddr: server.api, wsAddr: server.ws })
    const device = { sdk, api: new ApiClient(server.api, token) }
    devices.push(device)
    return device
  }
  /** How often a device was told that the reactions of a conversation changed. */
  const toldOf = ({ sdk }: Device, of: { conversationID: string }): number =>
    sdk.events.filter(
      ({ event, data }) =>
        event === (CbEvents.OnRecvCustomBusinessMessage as string) &&
        JSON.stringify(data) === JSON.stringify({ key: 'reaction', data: JSON.stringify(of) }),
    ).length
  const hears = (device: Device, of: { conversationID: string }, before: number): Promise<unknown> =>
    device.sdk.event(CbEvents.OnRecvCustomBusinessMessage, () => toldOf(device, of) > before)

  beforeAll(async () => {
    server = await startServer({ extensions: [reactionsExtension] })
    await server.admin.register('ada', 'bob', 'cyd', 'dan')
    groupID = await server.admin.createGroup('ada', ['bob', 'cyd'])
    ;[ada, bob, bobsPhone, cyd] = await Promise.all([login('ada'), login('bob'), login('bob', 2), login('cyd')])
    await ada.sdk.send('hello bob', { recvID: 'bob' })
    await ada.sdk.send('hello group', { groupID })
    await Promise.all([bob.sdk.message('hello bob'), cyd.sdk.message('hello group')])
  })

  afterAll(async () => {
    await Promise.all(devices.map(({ sdk }) => sdk.logout()))
    await server.stop()
  })

  it('reach the peer, the own other device and a login afresh: incrementally and from zero', async () => {
    const [adas, bobs, phones] = [ada, bob, bobsPhone].map(({ api }) => new Replica(api, withBob.conversationID))
    expect(await Promise.all([adas!.sync(), bobs!.sync(), phones!.sync()])).toEqual([[], [], []])
    const step = async (route: string, body: object): Promise<void> => {
      const before = [ada, bobsPhone].map((device) => toldOf(device, withBob))
      await bob.api.must(route, { ...withBob, messageSeq: 1, ...body })
      await Promise.all([ada, bobsPhone].map((device, index) => hears(device, withBob, before[index]!)))
    }

    await step('/ext/reaction/put', { emoji: '👍' })
    expect(await adas!.sync()).toEqual(['1 bob 👍'])
    await step('/ext/reaction/put', { emoji: '🎉' })
    expect(await adas!.sync()).toEqual(['1 bob 🎉'])
    await ada.api.must('/ext/reaction/put', { ...withBob, messageSeq: 1, emoji: '🙏' })
    const all = ['1 ada 🙏', '1 bob 🎉']
    expect(await Promise.all([adas!.sync(), bobs!.sync(), phones!.sync()])).toEqual([all, all, all])

    const afresh = await login('bob', 7)
    expect(await new Replica(afresh.api, withBob.conversationID).sync()).toEqual(all)
    await step('/ext/reaction/remove', {})
    expect(await Promise.all([adas!.sync(), bobs!.sync(), phones!.sync()])).toEqual(Array(3).fill(['1 ada 🙏']))
    expect(await new Replica(afresh.api, withBob.conversationID).sync()).toEqual(['1 ada 🙏'])
    expect(adas!.kinds).toEqual(['full', 'delta', 'delta', 'delta', 'delta'])
  })

  it('reach every member of a group', async () => {
    const group = { conversationID: `sg_${groupID}` }
    const before = [ada, bob, cyd].map((device) => toldOf(device, group))
    await cyd.api.must('/ext/reaction/put', { ...group, messageSeq: await seqOf(cyd, 'hello group'), emoji: '👋' })
    await Promise.all([ada, bob, cyd].map((device, index) => hears(device, group, before[index]!)))
    expect((await new Replica(ada.api, group.conversationID).sync())[0]).toMatch(/cyd 👋$/)
  })

  it('are for who takes part in the conversation, and each has only its own', async () => {
    const group = { conversationID: `sg_${groupID}` }
    const dan = new ApiClient(server.api, await server.admin.userToken('dan', 5))
    const messageSeq = await seqOf(cyd, 'hello group')
    const codes = async (api: ApiClient, of: { conversationID: string }, seq = 1): Promise<number[]> => {
      const answers = [
        await api.call('/ext/reaction/put', { ...of, messageSeq: seq, emoji: '👎' }),
        await api.call('/ext/reaction/remove', { ...of, messageSeq: seq }),
        await api.call('/ext/reaction/changes', { by: of }),
      ]
      return answers.map(({ errCode }) => errCode)
    }
    expect(await codes(dan, group, messageSeq)).toEqual([1002, 1002, 1002])
    expect(await codes(dan, withBob)).toEqual([1002, 1002, 1002])
    expect(await codes(cyd.api, withBob)).toEqual([1002, 1002, 1002])
    expect(await codes(server.admin, withBob)).toEqual([1002, 1002, 1002])
    expect(await codes(new ApiClient(server.api), withBob)).toEqual([1001, 1001, 1001])
    expect(await codes(ada.api, { conversationID: 'nonsense' })).toEqual([1002, 1002, 1002])
    // Taking away what only somebody else has changes nothing.
    await bob.api.must('/ext/reaction/remove', { ...group, messageSeq })
    expect(await new Replica(ada.api, group.conversationID).sync()).toEqual([`${messageSeq} cyd 👋`])
  })

  it('are reactions to messages that are there', async () => {
    const put = async (body: object): Promise<number> =>
      (await ada.api.call('/ext/reaction/put', { ...withBob, messageSeq: 1, emoji: '👍', ...body })).errCode
    expect(await put({ messageSeq: 999 })).toBe(1004)
    expect(await put({ messageSeq: 0 })).toBe(1001)
    expect(await put({ emoji: '' })).toBe(1001)
    expect(await put({ emoji: 'x'.repeat(33) })).toBe(1001)
    expect(await put({ emoji: 7 })).toBe(1001)
  })
})

const seqOf = async ({ sdk }: Device, text: string): Promise<number> => (await sdk.message(text)).seq
