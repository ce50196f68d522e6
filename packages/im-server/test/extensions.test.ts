import { defineEntity, field } from '@parlance/cached-repository'
import { contentTypes, errorCodes, MsgData } from '@parlance/openim-protocol'
import { temporaryFolder, type TemporaryFolder, until, VirtualClock } from '@parlance/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { MessageGate } from '../src/domain/messages/message-gate.ts'
import {
  anyUser,
  changesRoute,
  defineExtension,
  type Extension,
  type ExtensionContext,
  extensionRoute,
  ImError,
  requiredText,
} from '../src/extension/index.ts'
import { createImServer, type ImServer } from '../src/index.ts'
import { ApiClient } from './support/api-client.ts'

let folder: TemporaryFolder
let im: ImServer | undefined

beforeEach(() => {
  folder = temporaryFolder()
})

afterEach(async () => {
  await im?.stop(1_000)
  im = undefined
  folder.remove()
})

async function start(...extensions: Extension[]): Promise<ImServer> {
  im = await createImServer({ dataDir: folder.path, logLevel: 'silent', extensions }, {})
  return im
}

async function apiOf(server: ImServer): Promise<ApiClient> {
  const { api } = await server.listen({ apiPort: 0, wsPort: 0 })
  return ApiClient.admin(api, server.adminSecret)
}

const notes = defineEntity('note', {
  fields: {
    board: field.string({ max: 64 }),
    name: field.string({ max: 64 }),
    at: field.date(),
    words: field.string(),
  },
  key: ['board', 'name'],
  views: (v) => ({
    ofBoard: v.rows({ by: 'board', order: { name: 'asc' } }),
    sinceThen: v.changes({ by: 'board' }),
    onThatDay: v.changes({ by: ['board', 'at'] }),
  }),
})

const nothing = z.object({})
const none = async (): Promise<undefined> => undefined

describe('an extension', () => {
  it('adds routes that are checked like all others', async () => {
    const route = extensionRoute('boards', 'echo', z.object({ words: requiredText(1, 5) }), {
      access: anyUser,
      handle: async (caller, { words }) => ({ userID: caller.userID, words }),
    })
    const admin = await apiOf(await start(defineExtension({ name: 'boards', setup: () => ({ routes: [route] }) })))
    const answer = await admin.call('/ext/boards/echo', { words: 'hello' })
    expect(answer).toMatchObject({ errCode: 0, data: { userID: 'imAdmin', words: 'hello' } })
    expect(await admin.call('/ext/boards/echo', { words: 'longer' })).toMatchObject({ errCode: 1001 })
    expect(await new ApiClient(admin.api).call('/ext/boards/echo', { words: 'hello' })).toMatchObject({ errCode: 1001 })
  })

  it('is set up in order before anybody can connect, and stopped the other way round', async () => {
    const seen: string[] = []
    const named = (name: string): Extension => ({
      name,
      async setup() {
        await Promise.resolve()
        seen.push(`set up ${name}`)
        return { stop: () => void seen.push(`stop ${name}`) }
      },
    })
    const server = await start(named('one'), named('two'))
    await server.stop()
    expect(seen).toEqual(['set up one', 'set up two', 'stop two', 'stop one'])
  })

  const route = (path: string) => ({ ...extensionRoute('x', 'y', nothing, { access: anyUser, handle: none }), path })
  const other = defineEntity('user', { fields: { id: field.string({ max: 9 }) }, key: ['id'] })
  const again = defineEntity('note', { fields: { id: field.string({ max: 9 }) }, key: ['id'] })
  const refused: readonly (readonly [string, Extension[], RegExp])[] = [
    ['without a name', [{ name: '', setup: () => ({}) }], /extension "": a name has/],
    ['with a path for a name', [{ name: 'a/b', setup: () => ({}) }], /extension "a\/b": a name has/],
    ['that is there twice', [1, 2].map(() => ({ name: 'one', setup: () => ({}) })), /one is there twice/],
    ['with an entity of ours', [{ name: 'one', entities: [other], setup: () => ({}) }], /user is declared twice/],
    [
      'with an entity of another one',
      [
        { name: 'one', entities: [notes], setup: () => ({}) },
        { name: 'two', entities: [again], setup: () => ({}) },
      ],
      /note is declared twice/,
    ],
    [
      'with one of our routes',
      [{ name: 'one', setup: () => ({ routes: [route('/msg/send_msg')] }) }],
      /is not: make them/,
    ],
    [
      'with a route of another one',
      [{ name: 'one', setup: () => ({ routes: [route('/ext/two/y')] }) }],
      /is not: make them/,
    ],
    ['with a deeper route', [{ name: 'one', setup: () => ({ routes: [route('/ext/one/y/z')] }) }], /is not: make them/],
    [
      'with a route twice',
      [{ name: 'one', setup: () => ({ routes: [route('/ext/one/y'), route('/ext/one/y')] }) }],
      /there is a route \/ext\/one\/y already/,
    ],
    [
      'that uses what it does not declare',
      [
        {
          name: 'one',
          setup({ repositories }) {
            repositories.of(notes)
            return {}
          },
        },
      ],
      /put entity note in its list/,
    ],
  ]

  it.each(refused)('%s is refused at start, and the folder can be used at once', async (_what, extensions, reason) => {
    await expect(start(...extensions)).rejects.toThrow(reason)
    await start()
  })
})

describe('before a message is accepted', () => {
  const message = { sendID: 'ada', recvID: 'bob', contentType: contentTypes.text, sessionType: 1 }
  const said = (content: string) => ({ ...message, content: { content } })

  async function startWith(beforeMessage: (message: MsgData) => void | Promise<void>): Promise<ImServer> {
    const server = await start({ name: 'moderation', setup: () => ({ beforeMessage }) })
    await server.ensureUser({ userID: 'ada' })
    await server.ensureUser({ userID: 'bob' })
    return server
  }

  it('an extension may refuse it with a code of its own, and nothing is stored', async () => {
    const server = await startWith(({ content }) => {
      if (Buffer.from(content).includes('rude')) throw new ImError(20_001, 'be kind')
    })
    const admin = await apiOf(server)
    await expect(server.sendMessage(said('rude'))).rejects.toMatchObject({ errCode: 20_001, message: 'be kind' })
    expect(await admin.call('/msg/send_msg', said('rude'))).toMatchObject({ errCode: 20_001, errDlt: 'be kind' })
    await server.sendMessage(said('hello'))
    const { data } = await admin.must<{ maxSeqs: Record<string, number> }>('/msg/newest_seq', { userID: 'bob' })
    expect(data.maxSeqs['si_ada_bob']).toBe(1)
  })

  it('a refusal leaves no chat behind in the list of who was not to see it', async () => {
    const server = await startWith(() => {
      throw new ImError(20_001, 'be kind')
    })
    await expect(server.sendMessage(said('rude'))).rejects.toMatchObject({ errCode: 20_001 })
    const body = { ownerUserID: 'bob' }
    expect((await (await apiOf(server)).must('/conversation/get_all_conversations', body)).data).toEqual({
      conversations: [],
    })
  })

  it('the rules are asked again after that: who was blocked meanwhile writes no more', async () => {
    let block: () => Promise<unknown> = async () => undefined
    const server = await startWith(async () => void (await block()))
    const admin = await apiOf(server)
    block = () => admin.must('/friend/add_black', { ownerUserID: 'bob', blackUserID: 'ada' })
    await expect(server.sendMessage(said('hello'))).rejects.toMatchObject({ errCode: 1302 })
    expect((await admin.must('/conversation/get_all_conversations', { ownerUserID: 'bob' })).data).toEqual({
      conversations: [],
    })
  })

  it('is not asked about what the server itself refuses', async () => {
    const asked: string[] = []
    const server = await startWith(({ recvID }) => void asked.push(recvID))
    await expect(server.sendMessage({ ...said('hello'), recvID: 'eve' })).rejects.toMatchObject({ errCode: 1101 })
    await server.sendMessage(said('hello'))
    expect(asked).toEqual(['bob'])
  })

  it('what one sender writes keeps its order, though the decision about the first takes longer', async () => {
    let second: Promise<unknown> | undefined
    const server = await startWith(async ({ content }) => {
      if (!Buffer.from(content).includes('first')) return
      // Until the other one has been stored, or has had every chance to be.
      const manyTurns = async (): Promise<void> => {
        for (let turn = 0; turn < 500; turn++) await new Promise((resolve) => setImmediate(resolve))
      }
      await Promise.race([second, manyTurns()])
    })
    await server.sendMessage(said('opening'))
    const first = server.sendMessage(said('first'))
    second = server.sendMessage(said('second'))
    await Promise.all([first, second])
    const admin = await apiOf(server)
    const body = { userID: 'bob', seqRanges: [{ conversationID: 'si_ada_bob', begin: 1, end: 3, num: 3 }] }
    const { data } = await admin.must<{ msgs: Record<string, { Msgs: { content: string }[] }> }>(
      '/msg/pull_msg_by_seq',
      body,
    )
    const words = data.msgs['si_ada_bob']!.Msgs.map(({ content }) => Buffer.from(content, 'base64').toString())
    expect(words.map((word) => /opening|first|second/.exec(word)?.[0])).toEqual(['opening', 'first', 'second'])
  })

  it('says nothing of a mistake of its own', async () => {
    const server = await startWith(() => {
      throw new Error('password of the database: hunter2')
    })
    const answer = await (await apiOf(server)).call('/msg/send_msg', said('hello'))
    expect(answer).toMatchObject({ errCode: 500, errDlt: 'internal error' })
  })

  it('is given up after 5 s', async () => {
    const clock = new VirtualClock()
    const gate = new MessageGate(clock)
    gate.add(() => new Promise(() => undefined))
    const caller = { userID: 'ada', platformID: 5, isAdmin: false, operationID: 'op' }
    const outcome = gate.admit(MsgData.zero(), caller).catch((error: unknown) => error)
    await clock.advance(5_000)
    expect(await outcome).toMatchObject({ errCode: errorCodes.ServerBusyError })
    expect(clock.pendingCount).toBe(0)
  })
})

describe('after a message was stored', () => {
  const say = (server: ImServer, words: string) =>
    server.sendMessage({
      sendID: 'ada',
      recvID: 'bob',
      contentType: contentTypes.text,
      sessionType: 1,
      content: { content: words },
    })
  const listener = (hear: (heard: string) => void): Extension => ({
    name: 'archive',
    setup: () => ({
      afterMessage: ({ seq, content }) =>
        hear(`${seq} ${(JSON.parse(Buffer.from(content).toString()) as { content: string }).content}`),
    }),
  })
  const users = async (server: ImServer): Promise<void> => {
    await server.ensureUser({ userID: 'ada' })
    await server.ensureUser({ userID: 'bob' })
  }

  it('an extension hears of it, in order, and not of notifications', async () => {
    const heard: string[] = []
    const server = await start(listener((one) => heard.push(one)))
    await users(server)
    await server.sendNotification({ to: { userID: 'bob' }, key: 'k', data: '{"content":"n"}', stored: true })
    for (const words of ['one', 'two', 'three']) await say(server, words)
    await until('all are heard', () => heard.length >= 3)
    expect(heard).toEqual(['1 one', '2 two', '3 three'])
  })

  it('it comes again when that fails, also to the next process', async () => {
    let failures = 0
    const failing = await start(
      listener(() => {
        failures++
        throw new Error('the archive is away')
      }),
    )
    await users(failing)
    await say(failing, 'one')
    await until('it has failed', () => failures > 0)
    await failing.stop(2_000)
    const heard: string[] = []
    const server = await start(listener((one) => heard.push(one)))
    await until('it is heard', () => heard.length > 0)
    await say(server, 'two')
    await until('the next one too', () => heard.includes('2 two'))
    expect(heard[0]).toBe('1 one')
  })
})

describe('the route of a change list', () => {
  type Row = { name: string; at: string }
  type Full = { kind: string; position: { epoch: string; version: number }; rows: Row[]; more: boolean }
  type Delta = Omit<Full, 'rows'> & { inserted: Row[]; updated: Row[]; removed: { name: string }[] }
  let context: ExtensionContext
  const boards = defineExtension({
    name: 'boards',
    entities: [notes],
    setup(given) {
      context = given
      const repository = given.repositories.of(notes)
      const onlyOwn = { rule: 'self' as const, check: ({ board }: { board: string }) => refuseOther(board) }
      const access = { rule: onlyOwn.rule, check: (_caller: unknown, by: { board: string }) => onlyOwn.check(by) }
      return {
        routes: [
          changesRoute(notes, 'sinceThen', { repository, access, rows: 'ofBoard' }),
          changesRoute(notes, 'onThatDay', { repository, access }),
        ],
      }
    },
  })
  const refuseOther = (board: string): void => {
    if (board !== 'mine') throw new ImError(1002, 'another board')
  }
  const nameOf = (index: number): string => String(index).padStart(3, '0')
  const put = (...indexes: number[]) =>
    context.repositories
      .of(notes)
      .putMany(indexes.map((index) => ({ board: 'mine', name: nameOf(index), at: new Date(0), words: '' })))
  const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, index) => from + index)
  const by = { board: 'mine' }

  it('reads a list from zero page by page, then what changed page by page', async () => {
    const admin = await apiOf(await start(boards))
    await put(...range(0, 450))
    const pages: Full[] = []
    for (let more = true; more;) {
      const offset = pages.flatMap(({ rows }) => rows).length
      const { data } = await admin.must<Full>('/ext/note/sinceThen', { by, position: pages.at(-1)?.position, offset })
      pages.push(data)
      more = data.more
    }
    expect(pages.map(({ kind, rows }) => [kind, rows.length])).toEqual([
      ['full', 200],
      ['full', 200],
      ['full', 50],
    ])
    const names = new Set(pages.flatMap(({ rows }) => rows).map(({ name }) => name))
    expect(names.size).toBe(450)
    expect(pages[0]!.rows[0]!.at).toBe('1970-01-01T00:00:00.000Z')

    await put(...range(450, 700))
    await context.repositories.of(notes).delete({ board: 'mine', name: nameOf(0) })
    const first = await admin.must<Delta>('/ext/note/sinceThen', { by, position: pages.at(-1)!.position })
    expect(first.data).toMatchObject({ kind: 'delta', more: true })
    const second = await admin.must<Delta>('/ext/note/sinceThen', { by, position: first.data.position })
    expect(second.data).toMatchObject({ kind: 'delta', more: false, removed: [{ name: '000' }] })
    expect(first.data.inserted.length + second.data.inserted.length).toBe(250)
  })

  it('begins again when the list changes between two pages', async () => {
    const admin = await apiOf(await start(boards))
    await put(...range(0, 300))
    const { data: first } = await admin.must<Full>('/ext/note/sinceThen', { by })
    await context.repositories.of(notes).delete({ board: 'mine', name: nameOf(5) })
    const { data: again } = await admin.must<Full>('/ext/note/sinceThen', { by, position: first.position, offset: 200 })
    expect(again.rows.map(({ name }) => name)).toEqual(
      range(0, 201)
        .filter((index) => index !== 5)
        .map(nameOf),
    )
    expect(again.position.version).toBeGreaterThan(first.position.version)
    const { data: last } = await admin.must<Full>('/ext/note/sinceThen', { by, position: again.position, offset: 200 })
    expect(last).toMatchObject({ kind: 'full', more: false, position: again.position })
    expect(last.rows.length).toBe(99)
  })

  it.each([
    ['another list’s position', { position: { epoch: 'f'.repeat(24), version: 1 } }],
    ['nonsense', { position: { epoch: 'x', version: 7 } }],
    ['null', { position: null }],
    ['a page of nothing', { offset: 200 }],
  ])('reads from zero for %s', async (_what, body) => {
    const admin = await apiOf(await start(boards))
    await put(1)
    expect(await admin.must('/ext/note/sinceThen', { by, ...body })).toMatchObject({
      data: { kind: 'full', rows: [{ name: '001' }], more: false },
    })
  })

  it('takes every kind of value, and is full without rows where there is no view of them', async () => {
    const admin = await apiOf(await start(boards))
    await put(1)
    const day = { board: 'mine', at: 0 }
    const { data } = await admin.must<Full>('/ext/note/onThatDay', { by: day })
    expect(data).toMatchObject({ kind: 'full', rows: [], more: false })
    await put(2)
    expect(await admin.must('/ext/note/onThatDay', { by: day, position: data.position })).toMatchObject({
      data: { kind: 'delta', inserted: [{ name: '002' }] },
    })
  })

  it('is for whom the extension lets in, with a body that fits', async () => {
    const admin = await apiOf(await start(boards))
    const codeOf = async (body: unknown): Promise<number> => (await admin.call('/ext/note/sinceThen', body)).errCode
    expect(await codeOf({ by: { board: 'other' } })).toBe(1002)
    expect(await codeOf({})).toBe(1001)
    expect(await codeOf({ by: {} })).toBe(1001)
    expect(await codeOf({ by: { board: 7 } })).toBe(1001)
    expect(await codeOf({ by: { board: 'x'.repeat(65) } })).toBe(1001)
    expect(await codeOf({ by, offset: -1 })).toBe(1001)
    expect(await codeOf({ by, position: 'x' })).toBe(1001)
  })
})
