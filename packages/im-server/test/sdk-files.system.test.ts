import { singleConversationID } from '@parlance/openim-protocol'
import { seededRandom, runSeed } from '@parlance/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { browserFile } from './support/browser-files.ts'
import { CbEvents, SdkClient } from './support/sdk-client.ts'
import { startServer, type TestServer } from './support/test-server.ts'

interface FileMessage {
  readonly clientMsgID: string
  readonly fileElem?: { readonly sourceUrl: string; readonly fileName: string }
  readonly pictureElem?: {
    readonly sourcePicture: { readonly url: string }
    readonly snapshotPicture: { readonly url: string }
  }
}

const random = seededRandom(runSeed())
const bytesOf = (count: number): Uint8Array => Uint8Array.from({ length: count }, () => random.int(256))
const picture = { uuid: '', type: 'png', size: 0, width: 1, height: 1, url: '' }

async function download(url: string): Promise<Uint8Array> {
  const response = await fetch(url)
  expect(response.status, url).toBe(200)
  return new Uint8Array(await response.arrayBuffer())
}

/** Unmodified OpenIM SDKs: ada on the web, bob on the web and on Windows. */
describe('files between unmodified SDKs', () => {
  let server: TestServer
  let ada: SdkClient
  let bobWeb: SdkClient
  let bobWindows: SdkClient
  const withBob = singleConversationID('ada', 'bob')

  beforeAll(async () => {
    server = await startServer()
    await server.admin.register('ada', 'bob')
    ;[ada, bobWeb, bobWindows] = await Promise.all([server.login('ada'), server.login('bob'), server.login('bob', 3)])
  })

  afterAll(() => server.stop())

  const upload = async (client: SdkClient, bytes: Uint8Array, name: string): Promise<string> =>
    (await client.sdk.uploadFile({ file: browserFile(bytes, name) } as never)).data.url

  /** The message as a client is told of it. */
  const received = async (client: SdkClient, clientMsgID: string): Promise<FileMessage> => {
    const isIt = (message: FileMessage): boolean => message.clientMsgID === clientMsgID
    const news = await client.event<FileMessage[]>(CbEvents.OnRecvNewMessages, (messages) => messages.some(isIt))
    return news.find(isIt)!
  }

  /** The message as a client that logs in afresh finds it. */
  const found = async (clientMsgID: string): Promise<FileMessage> => {
    const fresh = await server.login('bob', 7)
    const page = { conversationID: withBob, count: 20, startClientMsgID: '', viewType: 0 }
    const { data } = await fresh.sdk.getAdvancedHistoryMessageList(page as never)
    await fresh.logout()
    return (data.messageList as FileMessage[]).find((message) => message.clientMsgID === clientMsgID)!
  }

  it('a file of several parts arrives byte by byte on every device, and at a login afresh', async () => {
    const bytes = bytesOf(12 * 1024 * 1024 + 345)
    const created = await ada.sdk.createFileMessageByFile({
      filePath: '',
      fileName: 'report.pdf',
      uuid: 'a file',
      sourceUrl: '',
      fileSize: bytes.length,
      fileType: 'application/pdf',
      file: browserFile(bytes, 'report.pdf'),
    } as never)
    const { data: sent } = await ada.sdk.sendMessage({ recvID: 'bob', groupID: '', message: created.data })
    const messages = [
      await received(bobWeb, sent.clientMsgID),
      await received(bobWindows, sent.clientMsgID),
      await found(sent.clientMsgID),
    ]
    const urls = new Set(messages.map(({ fileElem }) => fileElem!.sourceUrl))
    expect(urls.size).toBe(1)
    const [url = ''] = urls
    expect(url).toMatch(new RegExp(`^${server.api}/object/ada/[\\w-]{22}/report\\.pdf$`))
    expect(Buffer.compare(await download(url), bytes)).toBe(0)
  })

  it('a picture arrives, and the smaller one that the SDK asks for by its URL as well', async () => {
    const bytes = bytesOf(50_000)
    const created = await ada.sdk.createImageMessageByFile({
      sourcePicture: { ...picture, uuid: 'a picture' },
      bigPicture: picture,
      snapshotPicture: picture,
      sourcePath: '',
      file: browserFile(bytes, 'Ferien – 假期.png'),
    } as never)
    const { data: sent } = await ada.sdk.sendMessage({ recvID: 'bob', groupID: '', message: created.data })
    for (const message of [await received(bobWeb, sent.clientMsgID), await found(sent.clientMsgID)]) {
      const { sourcePicture, snapshotPicture } = message.pictureElem!
      expect(Buffer.compare(await download(sourcePicture.url), bytes)).toBe(0)
      expect(snapshotPicture.url).toBe(`${sourcePicture.url}?type=image&width=640&height=640`)
      const response = await fetch(snapshotPicture.url)
      expect(response.headers.get('content-type')).toBe('image/png')
      expect(Buffer.compare(new Uint8Array(await response.arrayBuffer()), bytes)).toBe(0)
    }
  })

  it('what a user uploads again is not sent again', async () => {
    const bytes = bytesOf(6 * 1024 * 1024)
    const first = await upload(ada, bytes, 'one.bin')
    let putCount = 0
    const original = globalThis.fetch
    globalThis.fetch = (input, init) => {
      if (init?.method === 'PUT') putCount++
      return original(input, init)
    }
    try {
      const again = await upload(ada, bytes, 'two.bin')
      expect(putCount).toBe(0)
      expect(again).not.toBe(first)
      expect(Buffer.compare(await download(again), bytes)).toBe(0)
      const other = await upload(bobWeb, bytes, 'three.bin')
      expect(putCount).toBe(2)
      expect(Buffer.compare(await download(other), bytes)).toBe(0)
    } finally {
      globalThis.fetch = original
    }
  })

  it('an empty file is a file', async () => {
    expect(await download(await upload(ada, new Uint8Array(), 'empty.txt'))).toHaveLength(0)
  })
})
