import { groupConversationID, singleConversationID } from '@parlance/openim-protocol'
import { type TemporaryFolder, temporaryFolder, until } from '@parlance/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ApiClient } from './support/api-client.ts'
import { Cable } from './support/cable.ts'
import { RawClient } from './support/raw-client.ts'
import { CbEvents, SdkClient } from './support/sdk-client.ts'
import { ServerProcess } from './support/server-process.ts'

const [web, windows] = [5, 3]
// An SDK waits five seconds before each try to come back; a busy machine may need many tries.
const limitMs = 120_000
/** The SDK asks for so many missed messages of a conversation, the newest ones; the rest it shows in the history. */
const missedOfOne = 10

interface Received {
  readonly textElem?: { readonly content: string }
}

const newMessages: ReadonlySet<string> = new Set([
  CbEvents.OnRecvNewMessages,
  CbEvents.OnRecvNewMessage,
  CbEvents.OnRecvOfflineNewMessages,
  CbEvents.OnRecvOfflineNewMessage,
])

/** The texts of all messages that an SDK told its application since its event number `from`. */
const textsSince = (client: SdkClient, from: number): string[] =>
  client.events
    .slice(from)
    .filter(({ event }) => newMessages.has(event))
    .flatMap(({ data }) => data as Received | Received[])
    .map((message) => message.textElem?.content)
    .filter((text) => text !== undefined)

const numbered = (name: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${name} ${index}`)

describe('unmodified SDKs that lose their connection', () => {
  let folder: TemporaryFolder
  let server: ServerProcess
  let admin: ApiClient
  let groupID: string
  let ada: RawClient
  const cables: Cable[] = []
  const clients: SdkClient[] = []
  const withAda = singleConversationID('ada', 'bob')

  /** An SDK at the end of a cable of its own. */
  const login = async (userID: string, platformID = web): Promise<{ client: SdkClient; cable: Cable }> => {
    const cable = await Cable.to(server.ws)
    const token = await admin.userToken(userID, platformID)
    const client = await SdkClient.login({ userID, token, platformID, apiAddr: server.api, wsAddr: cable.ws })
    cables.push(cable)
    clients.push(client)
    return { client, cable }
  }

  const connectAda = async (): Promise<RawClient> =>
    RawClient.connect({ ws: server.ws, userID: 'ada', token: await admin.userToken('ada', web) })

  /** Sends texts one after the other; each is confirmed before the next. */
  const sendAll = async (texts: readonly string[], to: { recvID: string } | { groupID: string }): Promise<void> => {
    for (const text of texts) await ada.send(ada.text(text, to))
  }

  const has = async (client: SdkClient, from: number, texts: readonly string[]): Promise<void> => {
    const missing = (): string[] => {
      const told = new Set(textsSince(client, from))
      return texts.filter((text) => !told.has(text))
    }
    await until(`${client.userID} is told ${texts.length} messages`, () => missing().length === 0, limitMs).catch(
      (error: unknown) => {
        throw new Error(
          `${client.userID} was not told ${missing().join(', ')}, but ${textsSince(client, from).join(', ')}`,
          { cause: error },
        )
      },
    )
  }

  /**
   * Waits until each client has its texts, and then until it has one that was sent after them: nothing can follow any more.
   */
  const haveExactly = async (
    ...expected: readonly (readonly [SdkClient, number, readonly string[]])[]
  ): Promise<void> => {
    for (const [client, from, texts] of expected) await has(client, from, texts)
    for (const userID of new Set(expected.map(([client]) => client.userID)))
      await sendAll([`the last for ${userID}`], { recvID: userID })
    for (const [client, from, texts] of expected) {
      await has(client, from, [`the last for ${client.userID}`])
      const told = textsSince(client, from).filter((text) => !text.startsWith('the last'))
      expect(told.toSorted(), client.userID).toEqual([...texts].toSorted())
    }
  }

  const history = async (client: SdkClient, conversationID: string): Promise<string[]> =>
    (await client.history(conversationID, 200)).filter((text) => !text.startsWith('#') && !text.startsWith('the last'))

  beforeEach(async () => {
    folder = temporaryFolder()
    server = await ServerProcess.start(folder.path)
    admin = await ApiClient.admin(server.api, server.secret)
    await admin.register('ada', 'bob', 'cyd')
    groupID = await admin.createGroup('ada', ['bob', 'cyd'])
    ada = await connectAda()
  })

  afterEach(async () => {
    ada.close()
    for (const client of clients.splice(0)) client.giveUp()
    for (const cable of cables.splice(0)) cable.close()
    await server.stop()
    folder.remove()
  })

  it('are told every message once after the server was killed and started again, on every device', async () => {
    const [{ client: bobWeb }, { client: bobWindows }, { client: cyd }] = await Promise.all([
      login('bob'),
      login('bob', windows),
      login('cyd'),
    ])
    await sendAll(['hello bob'], { recvID: 'bob' })
    await sendAll(['hello all'], { groupID })
    const before = [
      [bobWeb, ['hello bob', 'hello all']],
      [bobWindows, ['hello bob', 'hello all']],
      [cyd, ['hello all']],
    ] as const
    for (const [client, texts] of before) await has(client, 0, texts)

    // Some of these are pushed before the end, some are not: either way each is told once.
    const [toBob, toAll] = [numbered('before to bob', 4), numbered('before to all', 4)]
    await Promise.all([sendAll(toBob, { recvID: 'bob' }), sendAll(toAll, { groupID })])
    await server.kill()
    for (const cable of cables) cable.cut()
    await server.restart()
    ada = await connectAda()
    const [missedByBob, missedByAll] = [numbered('after to bob', 4), numbered('after to all', 4)]
    await Promise.all([sendAll(missedByBob, { recvID: 'bob' }), sendAll(missedByAll, { groupID })])
    for (const cable of cables) cable.mend()

    const [all, single] = [
      ['hello all', ...toAll, ...missedByAll],
      ['hello bob', ...toBob, ...missedByBob],
    ]
    await haveExactly([bobWeb, 0, [...single, ...all]], [bobWindows, 0, [...single, ...all]], [cyd, 0, all])
    for (const client of [bobWeb, bobWindows]) expect(await history(client, withAda)).toEqual(single)
    for (const client of [bobWeb, bobWindows, cyd])
      expect(await history(client, groupConversationID(groupID))).toEqual(all)
  })

  it('are told exactly what they missed, when one device was away and the other was not', async () => {
    const [here, away] = await Promise.all([login('bob'), login('bob', windows)])
    await sendAll(['hello bob'], { recvID: 'bob' })
    await Promise.all([has(here.client, 0, ['hello bob']), has(away.client, 0, ['hello bob'])])
    const from = away.client.events.length
    away.cable.cut()
    const missed = numbered('missed', missedOfOne - 1)
    await sendAll(missed, { recvID: 'bob' })
    await here.client.send('from my other device', { recvID: 'ada' })
    const missedInGroup = numbered('missed in the group', missedOfOne)
    await sendAll(missedInGroup, { groupID })
    await has(here.client, 0, [...missed, ...missedInGroup])
    expect(textsSince(away.client, from)).toEqual([])
    away.cable.mend()

    await haveExactly([away.client, from, [...missed, 'from my other device', ...missedInGroup]])
    expect(here.client.countOf('from my other device')).toBe(0)
    for (const { client } of [here, away]) {
      expect(await history(client, withAda)).toEqual(['hello bob', ...missed, 'from my other device'])
      expect(await history(client, groupConversationID(groupID))).toEqual(missedInGroup)
    }
  })

  it('find in the history what is too much to be told', async () => {
    const { client, cable } = await login('bob')
    await sendAll(['hello bob'], { recvID: 'bob' })
    await has(client, 0, ['hello bob'])
    const from = client.events.length
    cable.cut()
    const missed = numbered('missed', 3 * missedOfOne)
    await sendAll(missed, { recvID: 'bob' })
    cable.mend()
    await haveExactly([client, from, missed.slice(-missedOfOne)])
    expect(await history(client, withAda)).toEqual(['hello bob', ...missed])
  })

  it('are told once what is sent in the moment in which they come back', async () => {
    const userIDs = Array.from({ length: 12 }, (_, index) => `guest${index}`)
    await admin.register(...userIDs)
    const guests = await Promise.all(userIDs.map((userID) => login(userID)))
    for (const { client } of guests) await sendAll(['hello'], { recvID: client.userID })
    for (const { client } of guests) await has(client, 0, ['hello'])
    const connecting = ({ events }: SdkClient): number =>
      events.filter(({ event }) => event === (CbEvents.OnConnecting as string)).length
    for (let round = 0; round < 2; round++) {
      const states = guests.map(({ client, cable }) => {
        cable.cut()
        cable.mend()
        return { client, tries: connecting(client), from: client.events.length }
      })
      const texts = numbered(`round ${round}`, missedOfOne - 2)
      await Promise.all(
        states.map(async ({ client, tries }) => {
          await until(`${client.userID} comes back`, () => connecting(client) > tries, limitMs)
          await sendAll(texts, { recvID: client.userID })
        }),
      )
      await haveExactly(...states.map(({ client, from }) => [client, from, texts] as const))
    }
    for (const { client } of guests)
      expect(await history(client, singleConversationID('ada', client.userID))).toEqual([
        'hello',
        ...numbered('round 0', missedOfOne - 2),
        ...numbered('round 1', missedOfOne - 2),
      ])
  })
})
