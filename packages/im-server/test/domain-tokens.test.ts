import { createHmac } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Tokens } from '../src/domain/tokens.ts'
import { adminUserID, type ImWorld, imWorld, secret } from './support/im-world.ts'

let world: ImWorld
beforeEach(async () => {
  world = await imWorld()
})
afterEach(() => world.close())

const dayMs = 86_400_000
const base64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const kickedBy = (tokens: Tokens): [string, number, readonly string[]][] => {
  const kicked: [string, number, readonly string[]][] = []
  tokens.onKicked((...kick) => void kicked.push(kick))
  return kicked
}

describe('a token', () => {
  it('says whose it is, as OpenIM claims', async () => {
    const { token, tokenID, expireTimeSeconds } = await world.tokens.issue('alice', 5)
    expect(expireTimeSeconds).toBe(90 * 86_400)
    const seconds = Math.floor(world.clock.now() / 1000)
    const claims = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as unknown
    expect(claims).toEqual({ UserID: 'alice', PlatformID: 5, jti: tokenID, iat: seconds, exp: seconds + 90 * 86_400 })
    expect(await world.tokens.verify(token)).toEqual({
      userID: 'alice',
      platformID: 5,
      tokenID,
      expiresAtSeconds: seconds + 90 * 86_400,
    })
  })

  it('expires with 1501', async () => {
    const { token } = await world.tokens.issue('alice', 5)
    await world.clock.advance(90 * dayMs - 1000)
    await world.tokens.verify(token)
    await world.clock.advance(1000)
    await expect(world.tokens.verify(token)).rejects.toMatchObject({ errCode: 1501 })
  })

  it('is kept as an id, never itself', async () => {
    const { token, tokenID } = await world.tokens.issue('alice', 5)
    const rows = await world.repositories.credentials.ofUser({ userID: 'alice' })
    expect(rows).toMatchObject([{ userID: 'alice', platformID: 5, tokenID, isKicked: false }])
    expect(JSON.stringify(rows)).not.toContain(token.split('.')[2])
  })

  it('outlives a restart, and so does its end', async () => {
    const kept = await world.tokens.issue('alice', 5)
    const ended = await world.tokens.issue('alice', 1)
    await world.tokens.forceLogout('alice', 1)
    world = await world.reopen()
    expect(await world.tokens.verify(kept.token)).toMatchObject({ userID: 'alice' })
    await expect(world.tokens.verify(ended.token)).rejects.toMatchObject({ errCode: 1506 })
  })

  it.each([
    ['', 1503],
    ['x', 1503],
    ['a.b.c', 1503],
    ['null.null.null', 1503],
    [`${base64({ alg: 'none' })}.${base64({ UserID: 'imAdmin' })}.`, 1505],
    [`${base64({ alg: 'HS256' })}.${base64({ UserID: 'imAdmin' })}.AAAA`, 1505],
  ])('%j is refused with %i', async (token, errCode) => {
    await expect(world.tokens.verify(token)).rejects.toMatchObject({ errCode })
  })

  it('of another key is refused with 1505, also after the real one was seen', async () => {
    const { token } = await world.tokens.issue('alice', 5)
    await world.tokens.verify(token)
    const [head, body] = token.split('.')
    const forged = createHmac('sha256', Buffer.alloc(32, 8)).update(`${head}.${body}`).digest('base64url')
    await expect(world.tokens.verify(`${head}.${body}.${forged}`)).rejects.toMatchObject({ errCode: 1505 })
    const raised = base64({ ...(JSON.parse(Buffer.from(body!, 'base64url').toString()) as object), UserID: 'imAdmin' })
    await expect(world.tokens.verify(`${head}.${raised}.${token.split('.')[2]}`)).rejects.toMatchObject({
      errCode: 1505,
    })
  })

  it('signed here but lacking a claim is refused with 1503', async () => {
    const head = base64({ alg: 'HS256', typ: 'JWT' })
    const body = base64({ UserID: 'alice', PlatformID: '5', jti: 'x', exp: 9_999_999_999 })
    const signature = createHmac('sha256', Buffer.alloc(32, 7)).update(`${head}.${body}`).digest('base64url')
    await expect(world.tokens.verify(`${head}.${body}.${signature}`)).rejects.toMatchObject({ errCode: 1503 })
  })

  it('that is not known is refused with 1507', async () => {
    const { token, tokenID } = await world.tokens.issue('alice', 5)
    await world.repositories.credentials.delete({ userID: 'alice', tokenID })
    await expect(world.tokens.verify(token)).rejects.toMatchObject({ errCode: 1507 })
  })

  it('needs a key that nobody guesses', () => {
    expect(() => new Tokens({ repositories: world.repositories, key: Buffer.alloc(31) })).toThrow(/at least 32 bytes/)
  })
})

describe('one device per platform', () => {
  it('kicks the older tokens of the platform, and no others', async () => {
    const kicked = kickedBy(world.tokens)
    const web = await world.tokens.issue('alice', 5)
    const phone = await world.tokens.issue('alice', 1)
    const other = await world.tokens.issue('bob', 5)
    const again = await world.tokens.issue('alice', 5)
    await expect(world.tokens.verify(web.token)).rejects.toMatchObject({ errCode: 1506 })
    for (const { token } of [phone, other, again]) await world.tokens.verify(token)
    expect(kicked).toEqual([['alice', 5, [web.tokenID]]])
  })

  it('leaves exactly one of many issued at once', async () => {
    const issued = await Promise.all(Array.from({ length: 8 }, () => world.tokens.issue('alice', 5)))
    const outcomes = await Promise.allSettled(issued.map(({ token }) => world.tokens.verify(token)))
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })

  it('kicks the older one though its node has a faster clock', async () => {
    const ahead = await world.tokens.issue('alice', 5)
    const { issuedAt } = await world.repositories.credentials.require({ userID: 'alice', tokenID: ahead.tokenID })
    await world.repositories.credentials.patch(
      { userID: 'alice', tokenID: ahead.tokenID },
      { issuedAt: new Date(issuedAt.getTime() + 60_000) },
    )
    const { token } = await world.tokens.issue('alice', 5)
    await world.tokens.verify(token)
    await expect(world.tokens.verify(ahead.token)).rejects.toMatchObject({ errCode: 1506 })
  })

  it('lets several back ends share the administrator', async () => {
    const first = await world.token(adminUserID)
    const second = await world.token(adminUserID)
    await world.tokens.verify(first)
    await world.tokens.verify(second)
  })

  it('keeps only the token that connects', async () => {
    const kicked = kickedBy(world.tokens)
    const { token, tokenID } = await world.tokens.issue('alice', 5)
    const expiresAt = new Date(world.clock.now() + dayMs)
    await world.repositories.credentials.put({
      userID: 'alice',
      platformID: 5,
      tokenID: 'older',
      isKicked: false,
      issuedAt: new Date(0),
      expiresAt,
    })
    await world.repositories.credentials.put({
      userID: 'alice',
      platformID: 1,
      tokenID: 'phone',
      isKicked: false,
      issuedAt: new Date(0),
      expiresAt,
    })
    await world.tokens.keepOnly('alice', 5, tokenID)
    await world.tokens.keepOnly('alice', 5, tokenID)
    expect(kicked).toEqual([['alice', 5, ['older']]])
    await world.tokens.verify(token)
  })

  it('kicks no newer token for a device that comes back with an older one, and lets that device go', async () => {
    const old = await world.tokens.issue('alice', 5)
    const { issuedAt } = await world.repositories.credentials.require({ userID: 'alice', tokenID: old.tokenID })
    // As while another token is being issued: its row is there, the older one is not kicked yet.
    await world.repositories.credentials.insert({
      userID: 'alice',
      platformID: 5,
      tokenID: 'newer',
      isKicked: false,
      issuedAt: new Date(issuedAt.getTime() + 1),
      expiresAt: new Date(world.clock.now() + dayMs),
    })
    await expect(world.tokens.keepOnly('alice', 5, old.tokenID)).rejects.toMatchObject({ errCode: 1506 })
    const newer = await world.repositories.credentials.require({ userID: 'alice', tokenID: 'newer' })
    expect(newer.isKicked).toBe(false)
    await expect(world.tokens.verify(old.token)).rejects.toMatchObject({ errCode: 1506 })
    await world.tokens.keepOnly('alice', 5, 'newer')
  })

  it('connects no token that was kicked since it was verified', async () => {
    const { tokenID } = await world.tokens.issue('alice', 5)
    const newer = await world.tokens.issue('alice', 5)
    await expect(world.tokens.keepOnly('alice', 5, tokenID)).rejects.toMatchObject({ errCode: 1506 })
    await world.tokens.verify(newer.token)
  })

  it('leaves the other back ends of the administrator their tokens when one of them connects', async () => {
    const kicked = kickedBy(world.tokens)
    const first = await world.tokens.issue(adminUserID, 10)
    const second = await world.tokens.issue(adminUserID, 10)
    await world.tokens.keepOnly(adminUserID, 10, first.tokenID)
    await world.tokens.keepOnly(adminUserID, 10, second.tokenID)
    for (const { token } of [first, second]) await world.tokens.verify(token)
    expect(kicked).toEqual([])
  })

  it('forces a platform out, and says so once', async () => {
    const kicked = kickedBy(world.tokens)
    const { token, tokenID } = await world.tokens.issue('alice', 5)
    await world.tokens.forceLogout('alice', 5)
    await world.tokens.forceLogout('alice', 5)
    await expect(world.tokens.verify(token)).rejects.toMatchObject({ errCode: 1506 })
    expect(kicked).toEqual([['alice', 5, [tokenID]]])
  })

  it('tells nobody who stopped listening', async () => {
    const kicked: string[] = []
    const stop = world.tokens.onKicked((userID) => void kicked.push(userID))
    stop()
    await world.tokens.issue('alice', 5)
    await world.tokens.forceLogout('alice', 5)
    expect(kicked).toEqual([])
  })
})

describe('rows of tokens', () => {
  it('go once they have expired', async () => {
    await world.tokens.issue('alice', 5)
    await world.tokens.issue('alice', 1)
    await world.clock.advance(90 * dayMs)
    const { tokenID } = await world.tokens.issue('alice', 2)
    expect((await world.repositories.credentials.ofUser({ userID: 'alice' })).map((row) => row.tokenID)).toEqual([
      tokenID,
    ])
  })

  it('are bounded: kicked ones go first, and then the oldest, whose sessions end', async () => {
    const phone = await world.tokens.issue('alice', 1)
    for (let time = 0; time < 70; time++) await world.tokens.issue('alice', 5)
    expect(await world.repositories.credentials.ofUser({ userID: 'alice' })).toHaveLength(64)
    await world.tokens.verify(phone.token)

    const kicked = kickedBy(world.tokens)
    const first = await world.tokens.issue(adminUserID, 10)
    for (let time = 0; time < 64; time++) await world.tokens.issue(adminUserID, 10)
    expect(await world.repositories.credentials.ofUser({ userID: adminUserID })).toHaveLength(64)
    expect(kicked).toEqual([[adminUserID, 10, [first.tokenID]]])
    await expect(world.tokens.verify(first.token)).rejects.toMatchObject({ errCode: 1507 })
  })
})

describe('who gets a token', () => {
  it('is the administrator by the secret', async () => {
    const { token } = await world.tokenIssue.forAdmin(adminUserID, secret, 'here')
    expect(await world.tokens.verify(token)).toMatchObject({ userID: adminUserID, platformID: 10 })
  })

  it('is nobody by another secret, and nobody else by the right one', async () => {
    for (const wrong of ['', 'x', `${secret} `, secret.slice(1)])
      await expect(world.tokenIssue.forAdmin(adminUserID, wrong, 'here')).rejects.toMatchObject({ errCode: 1002 })
    await world.register('alice')
    await expect(world.tokenIssue.forAdmin('alice', secret, 'here')).rejects.toMatchObject({ errCode: 1001 })
  })

  it('is nobody for a while after ten wrong secrets from an address', async () => {
    const guess = (address: string, guessed = 'wrong') => world.tokenIssue.forAdmin(adminUserID, guessed, address)
    for (let time = 0; time < 10; time++) await expect(guess('there')).rejects.toMatchObject({ errCode: 1002 })
    await expect(guess('there')).rejects.toMatchObject({ errCode: 1803 })
    await expect(guess('there', secret)).rejects.toMatchObject({ errCode: 1803 })
    await guess('elsewhere', secret)
    await world.clock.advance(60_000)
    await guess('there', secret)
  })

  it('is a registered user on a platform that exists', async () => {
    await world.register('alice')
    await world.tokenIssue.forUser('alice', 11)
    await expect(world.tokenIssue.forUser('nobody', 5)).rejects.toMatchObject({
      errCode: 1101,
      message: expect.stringContaining('nobody'),
    })
    await expect(world.tokenIssue.forUser('alice', 0)).rejects.toMatchObject({ errCode: 1001 })
    await expect(world.tokenIssue.forUser('alice', 12)).rejects.toMatchObject({ errCode: 1001 })
    await expect(world.tokenIssue.forUser('alice', 10)).rejects.toMatchObject({ errCode: 1002 })
    await expect(world.tokenIssue.forUser(adminUserID, 5)).rejects.toMatchObject({ errCode: 1002 })
  })

  it('is no account that only notifies', async () => {
    await world.users.register([
      { userID: 'news', nickname: '', faceURL: '', ex: '', appMangerLevel: 3, globalRecvMsgOpt: 0 },
    ])
    await expect(world.tokenIssue.forUser('news', 5)).rejects.toMatchObject({ errCode: 1001 })
  })
})
