import { TimeoutError } from '@parlance/core'
import { errorCodes, GetActiveConversationsReq, GetConversationsReq } from '@parlance/openim-protocol'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { selfOrAdmin } from '../src/api/access.ts'
import type { HttpApiOptions } from '../src/api/http-api.ts'
import { openRoute, route } from '../src/api/route.ts'
import { ImError } from '../src/domain/im-error.ts'
import { as, echo, failing, serve } from './support/small-api.ts'

describe('what waits for the answer of a request', () => {
  const heard = (): { readonly events: string[]; readonly unanswered: NonNullable<HttpApiOptions['unanswered']> } => {
    const events: string[] = []
    const begin = (operationID: string) => {
      events.push(`begin ${operationID}`)
      return () => void events.push(`answered ${operationID}`)
    }
    return { events, unanswered: { begin } }
  }

  it('hears when the work begins and when the answer is written, also when it is a refusal', async () => {
    for (const [path, handled] of [
      ['/works', 'done'],
      ['/failing', 'failed'],
    ] as const) {
      const { events, unanswered } = heard()
      const handle = async (): Promise<object> => {
        events.push(handled)
        if (handled === 'failed') throw new ImError(errorCodes.ArgsError, 'no')
        return {}
      }
      const api = await serve({ routes: [openRoute(path, z.object({}), { handle })], unanswered })
      await api.call(path, { headers: { operationid: 'op' }, body: {} })
      expect(events).toEqual(['begin op', handled, 'answered op'])
    }
  })

  it('hears nothing of a body that cannot be read', async () => {
    const { events, unanswered } = heard()
    const api = await serve({ routes: [echo], unanswered })
    const answer = await api.call('/echo', { headers: { operationid: 'op' }, body: '{' })
    expect(answer.json).toMatchObject({ errCode: 1001 })
    expect(events).toEqual([])
  })
})

describe('the envelope', () => {
  it('has data when there is any, zero values included', async () => {
    const api = await serve()
    const answer = await api.call('/admin', { headers: as('imAdmin'), body: {} })
    expect(answer.status).toBe(200)
    expect(answer.json).toEqual({ errCode: 0, errMsg: '', errDlt: '', data: { zero: 0, no: false, empty: '' } })
    expect(answer.headers['content-type']).toContain('application/json')
  })

  it('has no data when there is nothing to say', async () => {
    const answer = await (await serve()).call('/nothing', { headers: as('u'), body: {} })
    expect(answer.text).toBe('{"errCode":0,"errMsg":"","errDlt":""}')
  })

  it('names a refusal symbolically and says the cure in errDlt', async () => {
    const answer = await (
      await serve({ routes: [failing(new ImError(errorCodes.GroupIDExisted, 'take another id'))] })
    ).call('/failing')
    expect(answer.status).toBe(200)
    expect(answer.json).toEqual({ errCode: 1202, errMsg: 'GroupIDExisted', errDlt: 'take another id' })
  })

  it('leaks nothing of a failure, but logs it', async () => {
    const logged: unknown[] = []
    const log = (message: string, fields?: unknown): void => void logged.push(message, fields)
    const logger = { debug: log, info: log, warn: log, error: log }
    const error = new TypeError('secret path /var/lib/data')
    const answer = await (await serve({ routes: [failing(error)], logger })).call('/failing')
    expect(answer.json).toMatchObject({ errCode: 500, errMsg: 'ServerInternalError' })
    expect(answer.text).not.toContain('secret')
    expect(logged[1]).toEqual({ path: '/failing', operationID: 'op', error })
  })

  it('tells a client to come back after a failure that passes', async () => {
    const answer = await (await serve({ routes: [failing(new TimeoutError('late'))] })).call('/failing')
    expect(answer.json).toMatchObject({ errCode: 1801, errMsg: 'ServerBusyError' })
  })
})

describe('requests', () => {
  it('leaves other paths untouched', async () => {
    const api = await serve()
    for (const path of ['/', '/echo/', '/Echo', '/echo/more', '/%65cho'])
      expect((await api.call(path)).status, path).toBe(404)
  })

  it('takes a path with a query', async () => {
    expect((await (await serve()).call('/echo?x=1', { body: {} })).json.errCode).toBe(0)
  })

  it('reads JSON whatever the content type says', async () => {
    const api = await serve()
    for (const type of ['text/plain', 'application/json', 'application/x-protobuf', 'nonsense']) {
      const answer = await api.call('/echo', { headers: { operationID: 'op', 'content-type': type }, body: { a: 1 } })
      expect(answer.json.data, type).toMatchObject({ body: { a: 1 } })
    }
  })

  it('takes no body at all as an empty object', async () => {
    expect((await (await serve()).call('/echo')).json.data).toMatchObject({ body: {} })
  })

  it.each([
    ['null', 'null'],
    ['a list', '[]'],
    ['a number', '5'],
    ['a text', '"x"'],
    ['half an object', '{"a":'],
    ['no JSON', 'userID=1'],
    ['bytes that are no text', Buffer.from([0xff, 0xfe, 0x00])],
  ])('refuses %s with 1001', async (_name, body) => {
    const answer = await (await serve()).call('/own', { headers: as('u'), body })
    expect(answer.status).toBe(200)
    expect(answer.json).toMatchObject({ errCode: 1001, errMsg: 'ArgsError' })
  })

  it('names the field that does not fit', async () => {
    const api = await serve()
    expect((await api.call('/own', { headers: as('u'), body: {} })).json.errDlt).toMatch(/^userID: /)
    expect((await api.call('/own', { headers: as('u'), body: { userID: 'u', list: [1, 'x'] } })).json.errDlt).toMatch(
      /^list\.1: /,
    )
  })

  it('ignores fields it does not know', async () => {
    const answer = await (
      await serve()
    ).call('/own', { headers: as('u'), body: { userID: 'u', more: { __proto__: null } } })
    expect(answer.json.data).toEqual({ userID: 'u' })
  })

  it('counts nesting before it reads', async () => {
    const api = await serve()
    const nested = (depth: number): string => `{"a":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`
    expect((await api.call('/echo', { body: nested(32) })).json.errCode).toBe(0)
    expect((await api.call('/echo', { body: nested(33) })).json).toMatchObject({
      errCode: 1001,
      errDlt: expect.stringContaining('32 levels'),
    })
    expect((await api.call('/echo', { body: '['.repeat(500_000) })).json.errCode).toBe(1001)
    expect((await api.call('/echo', { body: { a: '[[['.repeat(100) + '\\"' } })).json.errCode).toBe(0)
  })

  it('answers a method other than POST with 405', async () => {
    expect((await (await serve()).call('/echo', { method: 'GET' })).status).toBe(405)
  })

  it('lets pages of any origin ask first', async () => {
    const answer = await (
      await serve()
    ).call('/whoami', {
      method: 'OPTIONS',
      headers: {
        origin: 'http://page',
        'access-control-request-headers': 'content-type,operationid,reqfuncname,token',
      },
    })
    expect(answer.status).toBe(204)
    expect(answer.headers['access-control-allow-origin']).toBe('*')
    const allowed = String(answer.headers['access-control-allow-headers']).toLowerCase().split(', ')
    expect(allowed).toEqual(expect.arrayContaining(['token', 'operationid', 'reqfuncname', 'content-type']))
    expect((await (await serve()).call('/echo')).headers['access-control-allow-origin']).toBe('*')
  })
})

describe('who calls', () => {
  it('needs an operationID', async () => {
    const api = await serve()
    const noID = await api.call('/echo', { headers: {} })
    expect(noID.json).toMatchObject({ errCode: 1001, errDlt: expect.stringContaining('operationID') })
    expect((await api.call('/echo', { headers: { operationID: 'x'.repeat(257) } })).json.errCode).toBe(1001)
  })

  it('needs a token where the route does, and says 1001 without one', async () => {
    const api = await serve()
    expect((await api.call('/whoami')).json).toMatchObject({ errCode: 1001, errDlt: expect.stringContaining('token') })
    expect((await api.call('/whoami', { headers: { operationID: 'op', token: 'garbage' } })).json.errCode).toBe(1503)
    expect((await api.call('/echo')).json.errCode).toBe(0)
  })

  it('tells the route who calls', async () => {
    const { json } = await (await serve()).call('/whoami', { headers: as('alice'), body: {} })
    expect(json.data).toEqual({ userID: 'alice', platformID: 5, isAdmin: false, operationID: 'op' })
  })

  it('lets the rule decide', async () => {
    const api = await serve()
    const code = async (path: string, userID: string): Promise<number> =>
      (await api.call(path, { headers: as(userID), body: { userID: 'alice' } })).json.errCode
    expect(await code('/own', 'alice')).toBe(0)
    expect(await code('/own', 'bob')).toBe(1002)
    expect(await code('/own', 'imAdmin')).toBe(0)
    expect(await code('/admin', 'alice')).toBe(1002)
  })
})

describe('protobuf', () => {
  const twoForms = route('/two', z.object({ ownerUserID: z.string(), count: z.number() }), {
    access: selfOrAdmin(({ ownerUserID }) => ownerUserID),
    forms: {
      decodeProtobuf: (bytes) => GetActiveConversationsReq.decode(bytes),
      encodeProtobuf: ({ names }: { names: string[] }) =>
        GetConversationsReq.encode({ ownerUserID: '', conversationIDs: names }),
      toJson: ({ names }: { names: string[] }) => ({ names }),
    },
    handle: async (_caller, { count }) => ({ names: Array.from({ length: count }, (_, at) => `n${at}`) }),
  })

  it('takes protobuf and answers base64 of protobuf in JSON', async () => {
    const api = await serve({ routes: [twoForms] })
    const headers = { ...as('u'), 'content-type': 'application/x-protobuf' }
    const answer = await api.call('/two', {
      headers,
      body: GetActiveConversationsReq.encode({ ownerUserID: 'u', count: 2 }),
    })
    expect(answer.json.errCode).toBe(0)
    const decoded = GetConversationsReq.decode(Buffer.from(answer.json.data as string, 'base64'))
    expect(decoded.conversationIDs).toEqual(['n0', 'n1'])
  })

  it('answers an empty message with an empty text', async () => {
    const headers = { ...as('u'), 'content-type': 'application/x-protobuf' }
    const body = GetActiveConversationsReq.encode({ ownerUserID: 'u', count: 0 })
    expect((await (await serve({ routes: [twoForms] })).call('/two', { headers, body })).json.data).toBe('')
  })

  it('takes and gives JSON as well', async () => {
    const answer = await (
      await serve({ routes: [twoForms] })
    ).call('/two', { headers: as('u'), body: { ownerUserID: 'u', count: 1 } })
    expect(answer.json.data).toEqual({ names: ['n0'] })
  })

  it('refuses bytes that are no such message with 1001', async () => {
    const headers = { ...as('u'), 'content-type': 'application/x-protobuf' }
    const answer = await (
      await serve({ routes: [twoForms] })
    ).call('/two', { headers, body: Buffer.from([0xff, 0xff, 0xff]) })
    expect(answer.json.errCode).toBe(1001)
  })
})
