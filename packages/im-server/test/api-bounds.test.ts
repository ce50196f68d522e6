import { once } from 'node:events'
import { settle, until, VirtualClock } from '@parlance/testing'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { openRoute } from '../src/api/route.ts'
import { echo, serve } from './support/small-api.ts'

describe('bounds', () => {
  it('refuses a body that is too large with 1802, announced or not', async () => {
    const api = await serve({ limits: { bodyBytes: 1000 } })
    const body = { text: 'x'.repeat(2000) }
    const announced = await api.call('/echo', { body })
    const chunked = await api.call('/echo', { headers: { operationID: 'op', 'transfer-encoding': 'chunked' }, body })
    const hopeless = await api.call('/echo', { body: { text: 'x'.repeat(100_000) } })
    for (const answer of [announced, chunked, hopeless]) {
      expect(answer.status).toBe(200)
      expect(answer.json).toMatchObject({ errCode: 1802, errMsg: 'TooLargeError' })
    }
    expect((await api.call('/echo', { body: { text: 'x'.repeat(900) } })).json.errCode).toBe(0)
  })

  it('closes the connection of somebody who never stops', async () => {
    const api = await serve({ limits: { bodyBytes: 1000 } })
    const socket = api.connect()
    socket.on('error', () => socket.destroy())
    socket.write('POST /echo HTTP/1.1\r\nhost: x\r\noperationID: op\r\ntransfer-encoding: chunked\r\n\r\n')
    const chunk = `400\r\n${'x'.repeat(1024)}\r\n`
    let isOpen = true
    socket.once('close', () => (isOpen = false))
    await until('the server closes the connection', () => {
      if (isOpen) socket.write(chunk)
      return !isOpen
    })
  })

  it('holds no more bodies than allowed, and forgets those it answered', async () => {
    const api = await serve({ limits: { bodyBytes: 4000, allBodiesBytes: 5000 } })
    const slow = api.connect()
    slow.write(
      `POST /echo HTTP/1.1\r\nhost: x\r\noperationID: op\r\ncontent-length: 4000\r\n\r\n{"a":"${'x'.repeat(3000)}`,
    )
    const body = { a: 'x'.repeat(3000) }
    const busy = await until('the second body is refused', async () => {
      const answer = await api.call('/echo', { body })
      return answer.json.errCode === 0 ? undefined : answer
    })
    expect(busy.json.errCode).toBe(1801)
    slow.destroy()
    await until('there is room again', async () => (await api.call('/echo', { body })).json.errCode === 0)
    for (let time = 0; time < 10; time++) expect((await api.call('/echo', { body })).json.errCode).toBe(0)
  })

  it('does not wait for ever for a body', async () => {
    const clock = new VirtualClock()
    const api = await serve({ clock, limits: { bodyMs: 1000 } })
    const socket = api.connect()
    const answered = once(socket, 'data')
    socket.write('POST /echo HTTP/1.1\r\nhost: x\r\noperationID: op\r\ncontent-length: 10\r\n\r\n{')
    await until('the server waits for the body', () => clock.pendingCount >= 2)
    await clock.advance(1000)
    expect(String((await answered)[0])).toContain('"errCode":1001')
    socket.destroy()
  })

  it('does not keep a client waiting for work that does not end', async () => {
    const clock = new VirtualClock()
    const stuck = openRoute('/stuck', z.object({}), { handle: () => new Promise<never>(() => undefined) })
    const api = await serve({ clock, routes: [stuck], limits: { bodyMs: 1000, handlerMs: 2000 } })
    const answer = api.call('/stuck', { body: {} })
    await until('the work has begun', async () => {
      await settle()
      return clock.pendingCount === 1
    })
    await clock.advance(3000)
    expect((await answer).json).toMatchObject({ errCode: 1801 })
  })

  it('counts work until it ends, not until its client has gone', async () => {
    const clock = new VirtualClock()
    let release = (): void => undefined
    const stuck = openRoute('/stuck', z.object({}), {
      handle: () => new Promise<undefined>((resolve) => (release = () => resolve(undefined))),
    })
    const api = await serve({
      clock,
      routes: [stuck, echo],
      limits: { requestCount: 1, bodyMs: 1000, handlerMs: 1000 },
    })
    const answer = api.call('/stuck', { body: {} })
    await until('the work has begun', async () => {
      await settle()
      return clock.pendingCount === 1
    })
    await clock.advance(2000)
    expect((await answer).json.errCode).toBe(1801)
    expect((await api.call('/echo')).json.errCode).toBe(1801)
    release()
    await until('there is room again', async () => (await api.call('/echo')).json.errCode === 0)
  })

  it('works on a bounded number of requests at once', async () => {
    const releases: (() => void)[] = []
    const gate = openRoute('/gate', z.object({}), {
      handle: () => new Promise<undefined>((resolve) => void releases.push(() => resolve(undefined))),
    })
    const api = await serve({ routes: [gate], limits: { requestCount: 2 } })
    const first = [api.call('/gate'), api.call('/gate')]
    await until('both are worked on', () => releases.length === 2)
    expect((await api.call('/gate')).json.errCode).toBe(1801)
    for (const release of releases.splice(0)) release()
    for (const answer of await Promise.all(first)) expect(answer.json.errCode).toBe(0)
    const next = api.call('/gate')
    await until('the next is worked on', () => releases.length === 1)
    releases[0]!()
    expect((await next).json.errCode).toBe(0)
  })

  it('survives a client that goes away within its request', async () => {
    const api = await serve()
    const socket = api.connect()
    await once(socket, 'connect')
    socket.write('POST /echo HTTP/1.1\r\nhost: x\r\noperationID: op\r\ncontent-length: 10\r\n\r\n{')
    socket.destroy()
    expect((await api.call('/echo', { body: {} })).json.errCode).toBe(0)
  })
})
