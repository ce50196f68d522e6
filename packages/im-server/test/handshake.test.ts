import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  clientFrameCodec,
  errorCodes,
  errorName,
  type FrameDialect,
  GetMaxSeqReq,
  opCodes,
  PushMessages,
  textPing,
} from '@parlance/openim-protocol'
import { until } from '@parlance/testing'
import { createSigner } from 'fast-jwt'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Knock } from './support/knock.ts'
import { RawClient } from './support/raw-client.ts'
import { CbEvents, SdkClient } from './support/sdk-client.ts'
import { startServer, type TestServer } from './support/test-server.ts'

type Query = Readonly<Record<string, string>>

const welcome = '{"errCode":0,"errMsg":"","errDlt":""}'
const platformID = 5
// A client may be told this at most per argument; the longest token of ours is far below.
const tooLong = 'x'.repeat(5_000)

describe('the handshake', () => {
  let server: TestServer
  let users = 0

  const newUser = async (): Promise<{ userID: string; token: string }> => {
    const userID = `guest${users++}`
    await server.admin.register(userID)
    return { userID, token: await server.admin.userToken(userID, platformID) }
  }

  /** What a client says that has nothing wrong with it. */
  const complete = (userID: string, token: string): Query => ({
    sendID: userID,
    token,
    platformID: String(platformID),
    operationID: 'op',
    isBackground: 'false',
    isMsgResp: 'true',
    sdkType: 'js',
  })

  const knock = (query: Query, headers?: Readonly<Record<string, string>>): Promise<Knock> =>
    Knock.at(server.ws, new URLSearchParams(query).toString(), headers)

  const without = (query: Query, name: string): Query =>
    Object.fromEntries(Object.entries(query).filter(([key]) => key !== name))

  /** A token with these claims, signed by whoever has the key. */
  const signed = (claims: Record<string, unknown>, key?: Buffer): string => {
    const own = Buffer.from(readFileSync(join(server.folder.path, 'token.key'), 'utf8').trim())
    return createSigner({ key: key ?? own, algorithm: 'HS256' })(claims) as unknown as string
  }

  const claims = (userID: string, change: Record<string, unknown> = {}): Record<string, unknown> => {
    const now = Math.floor(Date.now() / 1000)
    return { UserID: userID, PlatformID: platformID, jti: 'never issued', iat: now - 100, exp: now + 3600, ...change }
  }

  /** Every way in which a token can be wrong; each gives the code, and the token of `userID`. */
  const wrongTokens: Readonly<Record<string, readonly [number, (userID: string) => Promise<string> | string]>> = {
    expired: [
      errorCodes.TokenExpiredError,
      (userID) => signed(claims(userID, { exp: Math.floor(Date.now() / 1000) - 1 })),
    ],
    'of another user': [errorCodes.TokenInvalidError, async () => (await newUser()).token],
    'of another platform': [errorCodes.TokenInvalidError, (userID) => server.admin.userToken(userID, 1)],
    'no token at all': [errorCodes.TokenMalformedError, () => 'this is no token'],
    'without its claims': [errorCodes.TokenMalformedError, () => signed({ exp: 4_000_000_000 })],
    'cut off': [
      errorCodes.TokenMalformedError,
      async (userID) => (await server.admin.userToken(userID, platformID)).split('.').slice(0, 2).join('.'),
    ],
    'not yet valid': [
      errorCodes.TokenNotValidYetError,
      (userID) => signed(claims(userID, { nbf: Math.floor(Date.now() / 1000) + 3600 })),
    ],
    'signed by somebody else': [
      errorCodes.TokenUnknownError,
      (userID) => signed(claims(userID), Buffer.alloc(32, 'another key')),
    ],
    'with a changed signature': [
      errorCodes.TokenUnknownError,
      async (userID) => {
        const [head, body] = (await server.admin.userToken(userID, platformID)).split('.')
        return `${head}.${body}.${Buffer.alloc(32, 1).toString('base64url')}`
      },
    ],
    'signed by nobody': [
      errorCodes.TokenUnknownError,
      (userID) => {
        const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
        return `${part({ alg: 'none', typ: 'JWT' })}.${part(claims(userID))}.`
      },
    ],
    kicked: [
      errorCodes.TokenKickedError,
      async (userID) => {
        const token = await server.admin.userToken(userID, platformID)
        await server.admin.must('/auth/force_logout', { userID, platformID })
        return token
      },
    ],
    'superseded by a newer one': [
      errorCodes.TokenKickedError,
      async (userID) => {
        const token = await server.admin.userToken(userID, platformID)
        await server.admin.userToken(userID, platformID)
        return token
      },
    ],
    'never issued': [errorCodes.TokenNotExistError, (userID) => signed(claims(userID))],
  }

  beforeAll(async () => {
    server = await startServer()
  })

  afterAll(() => server.stop())

  it('a client with nothing wrong is welcomed with the first text frame', async () => {
    const { userID, token } = await newUser()
    const visit = await knock(complete(userID, token))
    expect(visit.isUpgraded).toBe(true)
    expect(visit.texts).toEqual([welcome])
    visit.terminate()
  })

  it('a client that asked for no answer gets none, and is served', async () => {
    const { userID, token } = await newUser()
    const visit = new Knock(
      server.ws,
      new URLSearchParams({ ...complete(userID, token), isMsgResp: 'false' }).toString(),
    )
    await until('it is upgraded', () => visit.isUpgraded)
    const codec = clientFrameCodec({ sdkType: 'js' })
    const data = GetMaxSeqReq.encode({ userID })
    visit.send(
      codec.encodeRequest({ op: opCodes.getNewestSeq, token: '', sendID: userID, operationID: 'o', msgIncr: 'm', data })
        .bytes,
    )
    const [frame] = await until('it is answered', () => (visit.binaries.length > 0 ? visit.binaries : undefined))
    expect(codec.decodeReply(frame!)).toMatchObject({ msgIncr: 'm', errCode: 0 })
    expect(visit.texts).toEqual([])
    visit.terminate()
  })

  describe('a token that is', () => {
    const cases = Object.entries(wrongTokens).map(([what, [code, make]]) => ({ what, code, make }))

    it.each(cases)('$what: told by $code as the first text frame, then closed', async ({ code, make }) => {
      const { userID } = await newUser()
      const visit = await knock(complete(userID, await make(userID)))
      const { code: closeCode } = await until('it is closed', () => visit.closed)
      expect(visit.isUpgraded).toBe(true)
      expect(visit.binaries).toEqual([])
      expect(visit.texts.map((text) => JSON.parse(text) as unknown)).toEqual([
        { errCode: code, errMsg: errorName(code), errDlt: expect.stringMatching(/./) as unknown },
      ])
      // From 4500 on a client of ours does not come back with the same token.
      expect(closeCode).toBe(4500)
    })

    it.each(cases)('$what: told by $code as plain JSON to who asked for no answer', async ({ code, make }) => {
      const { userID } = await newUser()
      const visit = await knock(without(complete(userID, await make(userID)), 'isMsgResp'))
      expect(visit.isUpgraded).toBe(false)
      expect(visit.refused).toMatchObject({ status: 200, contentType: 'application/json' })
      expect(JSON.parse(visit.refused!.body)).toMatchObject({ errCode: code, errMsg: errorName(code) })
    })

    it('refused is not remembered: the right one is accepted right after', async () => {
      const { userID, token } = await newUser()
      expect((await knock(complete(userID, 'wrong'))).texts[0]).toContain('1503')
      const visit = await knock(complete(userID, token))
      expect(visit.texts).toEqual([welcome])
      visit.terminate()
    })
  })

  describe('an argument', () => {
    const refusedWith1602 = async (query: Query, mentions: string, headers?: Record<string, string>): Promise<void> => {
      const visit = await knock(query, headers)
      expect(visit.isUpgraded).toBe(false)
      expect(visit.refused).toMatchObject({ status: 200, contentType: 'application/json' })
      const answer = JSON.parse(visit.refused!.body) as { errCode: number; errMsg: string; errDlt: string }
      expect(answer).toMatchObject({ errCode: errorCodes.ConnArgsErr, errMsg: 'ConnArgsErr' })
      expect(answer.errDlt).toContain(mentions)
    }

    it.each(['sendID', 'token', 'platformID', 'operationID', 'isBackground'])('%s dropped: 1602', async (name) => {
      const { userID, token } = await newUser()
      await refusedWith1602(without(complete(userID, token), name), name)
    })

    it.each(['sendID', 'token', 'platformID', 'operationID', 'isBackground', 'isMsgResp'])(
      '%s empty: 1602',
      async (name) => {
        const { userID, token } = await newUser()
        await refusedWith1602({ ...complete(userID, token), [name]: '' }, name)
      },
    )

    it.each([
      ['platformID', 'web'],
      ['platformID', '0'],
      ['platformID', '12'],
      ['platformID', '-5'],
      ['platformID', '5.5'],
      ['platformID', '0x5'],
      ['platformID', '5e0'],
      ['platformID', ' 5'],
      ['platformID', 'NaN'],
      ['isBackground', 'maybe'],
      ['isMsgResp', 'yes please'],
      ['sdkType', 'java'],
      ['compression', 'br'],
    ])('%s of a wrong kind (%s): 1602', async (name, value) => {
      const { userID, token } = await newUser()
      await refusedWith1602({ ...complete(userID, token), [name]: value }, name)
    })

    it.each(['sendID', 'token', 'platformID', 'operationID', 'isBackground', 'isMsgResp', 'sdkType', 'compression'])(
      '%s far too long: 1602',
      async (name) => {
        const { userID, token } = await newUser()
        await refusedWith1602({ ...complete(userID, token), [name]: tooLong }, name)
      },
    )

    it('compression of a wrong kind in the header: 1602', async () => {
      const { userID, token } = await newUser()
      await refusedWith1602(complete(userID, token), 'compression', { compression: 'br' })
    })

    it('a query longer than a request head may be ends before anybody reads it', async () => {
      const { userID, token } = await newUser()
      const visit = await knock({ ...complete(userID, token), operationID: 'x'.repeat(100_000) })
      expect(visit.isUpgraded).toBe(false)
      expect(visit.refused?.status ?? visit.closed?.code).toBe(431)
    })

    it('is refused before the token is looked at', async () => {
      await refusedWith1602({ ...complete('nobody', 'no token'), platformID: 'web' }, 'platformID')
    })
  })

  describe('the compact form', () => {
    const compact = (value: unknown): Query => ({ v: Buffer.from(JSON.stringify(value)).toString('base64url') })
    const filled = (userID: string, token: string): Record<string, unknown> => ({
      token,
      userID,
      platformID,
      operationID: 'op',
      sdkType: 'js',
      sendResponse: true,
      background: false,
    })

    it('is accepted', async () => {
      const { userID, token } = await newUser()
      const visit = await knock(compact(filled(userID, token)))
      expect(visit.texts).toEqual([welcome])
      visit.terminate()
    })

    it('names the frames as the long one does', async () => {
      const { userID, token } = await newUser()
      const visit = await knock(compact({ ...filled(userID, token), sdkType: 'go', compression: 'gzip' }))
      const codec = clientFrameCodec({ sdkType: 'go', compression: 'gzip' })
      const data = GetMaxSeqReq.encode({ userID })
      const request = { op: opCodes.getNewestSeq, token: '', sendID: userID, operationID: 'o', msgIncr: 'm', data }
      visit.send(codec.encodeRequest(request).bytes)
      const [frame] = await until('it is answered', () => (visit.binaries.length > 0 ? visit.binaries : undefined))
      expect(codec.decodeReply(frame!)).toMatchObject({ msgIncr: 'm', errCode: 0 })
      visit.terminate()
    })

    it('with a wrong token is told so by a text frame', async () => {
      const { userID } = await newUser()
      const visit = await knock(compact(filled(userID, 'wrong')))
      expect(JSON.parse(visit.texts[0]!)).toMatchObject({ errCode: errorCodes.TokenMalformedError })
    })

    const broken: [string, (userID: string, token: string) => Query][] = [
      ['that is no base64url', () => ({ v: '%%%' })],
      ['that is no JSON', () => ({ v: Buffer.from('{"token":').toString('base64url') })],
      ['that is a list', () => compact([])],
      ['that is null', () => compact(null)],
      ['without a token', (userID) => compact({ ...filled(userID, ''), token: undefined })],
      ['with an object for the user', (userID, token) => compact({ ...filled(userID, token), userID: { userID } })],
      ['with a wrong flag', (userID, token) => compact({ ...filled(userID, token), sendResponse: 'perhaps' })],
      ['that is far too long', (userID, token) => compact({ ...filled(userID, token), operationID: tooLong })],
      ['that is empty', () => ({ v: '' })],
    ]

    it.each(broken)('%s: 1602', async (_what, make) => {
      const { userID, token } = await newUser()
      const visit = await knock(make(userID, token))
      expect(visit.isUpgraded).toBe(false)
      expect(visit.refused).toMatchObject({ status: 200 })
      expect(JSON.parse(visit.refused!.body)).toMatchObject({ errCode: errorCodes.ConnArgsErr })
    })
  })

  it.each(['js', 'go'] as const)('compression named by a header holds for frames of %s', async (sdkType) => {
    const { userID, token } = await newUser()
    const visit = await knock({ ...complete(userID, token), sdkType }, { compression: 'gzip' })
    const codec = clientFrameCodec({ sdkType, compression: 'gzip' })
    const data = GetMaxSeqReq.encode({ userID })
    const request = { op: opCodes.getNewestSeq, token: '', sendID: userID, operationID: 'o', msgIncr: 'm', data }
    visit.send(codec.encodeRequest(request).bytes)
    const [frame] = await until('it is answered', () => (visit.binaries.length > 0 ? visit.binaries : undefined))
    // Gzip's magic number: the answer is compressed too.
    expect(frame!.subarray(0, 2).toString('hex')).toBe('1f8b')
    expect(codec.decodeReply(frame!)).toMatchObject({ msgIncr: 'm', errCode: 0 })
    visit.terminate()
  })

  describe('text frames', () => {
    it('a ping of a JSON client is answered with a pong, with its body if it has one', async () => {
      const { userID, token } = await newUser()
      const client = await RawClient.connect({ ws: server.ws, userID, token })
      client.raw(textPing.bytes.toString())
      client.raw('{"type":"ping","body":{"id":7}}')
      client.raw('{"type":"pong"}')
      expect(await client.seqs()).toEqual({})
      expect(client.texts.slice(1)).toEqual(['{"type":"pong"}', '{"type":"pong","body":{"id":7}}'])
      client.close()
    })

    it.each([{ sdkType: 'go' }, { sdkType: 'go', compression: 'gzip' }] satisfies FrameDialect[])(
      'a gob client gets exactly one: $sdkType $compression',
      async (dialect) => {
        const [ada, bob] = [await newUser(), await newUser()]
        const client = await RawClient.connect({ ws: server.ws, ...ada, dialect })
        const peer = await RawClient.connect({ ws: server.ws, ...bob })
        await client.seqs()
        await peer.send(peer.text('hello', { recvID: ada.userID }))
        await until('the push arrives', () => client.messages.length > 0)
        await expect(client.ask(9999, new Uint8Array())).rejects.toThrow('1001')
        client.raw(Buffer.from('not a frame'))
        await until('it is closed', () => client.closed)
        expect(client.texts).toEqual([welcome])

        const again = await RawClient.connect({ ws: server.ws, ...ada, dialect })
        await server.admin.must('/auth/force_logout', { userID: ada.userID, platformID })
        await until('it is kicked', () => again.closed)
        expect(again.frames.map(({ op }) => op)).toEqual([opCodes.kickOnlineMsg])
        expect(again.texts).toEqual([welcome])
        peer.close()
      },
    )

    it.each(['hello', '{"type":"hello"}', '{"errCode":0}', '[]', 'null', '', '{"type":"ping"'])(
      'that are unknown (%s) end their own connection without a text, and harm nobody else',
      async (text) => {
        const [ada, bob] = [await newUser(), await newUser()]
        const client = await RawClient.connect({ ws: server.ws, ...ada })
        const other = await RawClient.connect({ ws: server.ws, ...bob })
        client.raw(text)
        expect(await until('it is closed', () => client.closed)).toMatchObject({ code: 3500 })
        // An SDK takes every text but a pong for the answer to a handshake.
        expect(client.texts).toEqual([welcome])
        const again = await RawClient.connect({ ws: server.ws, ...ada })
        await other.send(other.text('still served', { recvID: ada.userID }))
        const { data } = await until('the push arrives', () => again.pushed.find(({ op }) => op === opCodes.pushMsg))
        expect(Object.keys(PushMessages.decode(data).msgs)).toHaveLength(1)
        for (const one of [again, other]) one.close()
      },
    )
  })

  describe('an unmodified SDK with a token that is', () => {
    const told = [
      ['expired', CbEvents.OnUserTokenExpired],
      ['no token at all', CbEvents.OnUserTokenInvalid],
      ['of another user', CbEvents.OnUserTokenInvalid],
      ['signed by somebody else', CbEvents.OnUserTokenInvalid],
      ['never issued', CbEvents.OnUserTokenInvalid],
      ['kicked', CbEvents.OnKickedOffline],
    ] as const

    it.each(told)('%s raises %s', async (what, event) => {
      const { userID } = await newUser()
      const token = encodeURIComponent(await wrongTokens[what]![1](userID))
      const client = await SdkClient.attempt({ userID, token, platformID, apiAddr: server.api, wsAddr: server.ws })
      await client.event(event)
      expect(client.events.map((raised) => raised.event)).not.toContain(CbEvents.OnConnectSuccess)
      client.giveUp()
    })
  })
})
