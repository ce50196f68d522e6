import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { until } from '@parlance/testing'
import { type ImWorld, imWorld } from './support/im-world.ts'
import { ObjectClient } from './support/object-client.ts'

let world: ImWorld
let ann: ObjectClient
let url: string
const digits = '0123456789'

beforeAll(async () => {
  world = await imWorld()
  await world.register('ann', 'bob')
  ann = await ObjectClient.of(world, 'ann')
  url = await ann.upload(digits, { name: 'ann/digits.png', contentType: 'image/png' })
})
afterAll(() => world.close())

describe('an object’s URL', () => {
  it('leads to a signed one that is the same within an hour, and is good for one at least', async () => {
    const first = await ann.contentURL(url)
    await world.clock.advance(1)
    expect(await ann.contentURL(url)).toBe(first)
    await world.clock.advance(3_600_000 - 1)
    expect(await ann.get(first)).toMatchObject({ status: 200, text: digits })
    expect(await ann.contentURL(url)).not.toBe(first)
    await world.clock.advance(3_600_000)
    expect(await ann.get(first)).toMatchObject({ status: 410, json: { errCode: 1701 } })
    expect(await ann.read(url)).toMatchObject({ status: 200, text: digits })
  })

  it('is nothing that can be guessed: neither name nor owner nor another’s id leads there', async () => {
    const [, , , objectID] = new URL(url).pathname.split('/')
    for (const path of [
      '/object/ann/digits.png',
      '/object/ann/',
      '/object/',
      '/object',
      '/object/%',
      `/object/ann/${'A'.repeat(22)}/digits.png`,
      `/object/bob/${objectID}/digits.png`,
      `/object/ann/${objectID}/other.png`,
      `/object/ann/${objectID}/../${objectID}/digits.png`,
      '/object/../../../../etc/passwd',
      '/object/..%2f..%2f..%2fparlance.db',
      `/object-content/${objectID}`,
      `/object-content/${objectID}?bytes=0&expires=99999999999999&signature=${'A'.repeat(43)}`,
      '/object-content/..%2f..%2fparlance.db',
    ]) {
      const answer = await ann.get(path)
      expect([403, 404], path).toContain(answer.status)
      expect(answer.text, path).not.toContain(digits)
    }
  })

  it('is given by its name, with when it expires', async () => {
    const name = decodeURIComponent(new URL(url).pathname.slice('/object/'.length))
    const { data } = await ann.ask<{ url: string; expireTime: number }>('access_url', { name })
    expect(data.expireTime).toBeGreaterThan(world.clock.now() + 3_599_000)
    expect(await ann.get(data.url)).toMatchObject({ status: 200, text: digits })
    expect(await ann.ask('access_url', { name: 'ann/digits.png' })).toMatchObject({ errCode: 1004 })
  })
})

describe('content', () => {
  it('is served whole, by pieces, by its head, or not again', async () => {
    const content = await ann.contentURL(url)
    const whole = await ann.get(content)
    expect(whole).toMatchObject({
      status: 200,
      text: digits,
      headers: { 'content-length': '10', 'accept-ranges': 'bytes', 'content-type': 'image/png' },
    })
    const etag = whole.headers['etag'] as string
    const range = (value: string, more: Readonly<Record<string, string>> = {}) =>
      ann.get(content, { range: value, ...more })
    expect(await range('bytes=2-4')).toMatchObject({
      status: 206,
      text: '234',
      headers: { 'content-range': 'bytes 2-4/10', 'content-length': '3' },
    })
    expect(await range('bytes=-3')).toMatchObject({ status: 206, text: '789' })
    expect(await range('bytes=8-')).toMatchObject({ status: 206, text: '89' })
    expect(await range('bytes=8-100')).toMatchObject({ status: 206, text: '89' })
    expect(await range('bytes=10-')).toMatchObject({ status: 416, headers: { 'content-range': 'bytes */10' } })
    expect(await range('bytes=0-1,8-9')).toMatchObject({ status: 200, text: digits })
    expect(await range('lines=1-2')).toMatchObject({ status: 200, text: digits })
    expect(await range('bytes=2-4', { 'if-range': etag })).toMatchObject({ status: 206, text: '234' })
    expect(await range('bytes=2-4', { 'if-range': '"other"' })).toMatchObject({ status: 200, text: digits })
    expect(await ann.get(content, { 'if-none-match': etag })).toMatchObject({ status: 304, text: '' })
    expect(await ann.get(content, {}, 'HEAD')).toMatchObject({
      status: 200,
      text: '',
      headers: { 'content-length': '10' },
    })
    expect(await ann.get(content, {}, 'PUT')).toMatchObject({ status: 405 })
  })

  it.each([
    ['text/html', 'evil.html', 'application/octet-stream', 'attachment'],
    ['image/svg+xml', 'evil.svg', 'application/octet-stream', 'attachment'],
    ['application/pdf', 'a.pdf', 'application/octet-stream', 'attachment'],
    ['text/javascript', 'evil.js', 'application/octet-stream', 'attachment'],
    ['TEXT/HTML; charset=x', 'evil.png', 'application/octet-stream', 'attachment'],
    ['image/png x', 'evil.png', 'application/octet-stream', 'attachment'],
    ['', 'unknown', 'application/octet-stream', 'attachment'],
    ['text/plain', 'a.txt', 'text/plain; charset=utf-8', 'inline'],
    ['image/jpeg', 'a.jpg', 'image/jpeg', 'inline'],
    ['video/mp4', 'a.mp4', 'video/mp4', 'inline'],
  ])('of type %j cannot act in the name of the server', async (contentType, file, type, disposition) => {
    const answer = await ann.read(await ann.upload('<script>alert(1)</script>', { contentType, name: `ann/${file}` }))
    expect(answer).toMatchObject({
      status: 200,
      headers: {
        'content-type': type,
        'content-disposition': `${disposition}; filename="${file}"`,
        'x-content-type-options': 'nosniff',
        'content-security-policy': expect.stringMatching(/default-src 'none'.*sandbox/),
        'cross-origin-resource-policy': 'cross-origin',
      },
    })
  })

  it('with quotes and lines in its name breaks no header', async () => {
    const answer = await ann.read(await ann.upload('x', { name: 'ann/a";b\\c.png', contentType: 'image/png' }))
    expect(answer.headers['content-disposition']).toBe('inline; filename="a\\";b\\\\c.png"')
  })
})

describe('what does not move', () => {
  it('is closed when it goes out', async () => {
    const bytes = 32 * 1024 * 1024
    const large = await imWorld(undefined, undefined, {
      idleMs: 50,
      transferCount: 1,
      partBytes: bytes,
      fileBytes: bytes,
    })
    try {
      await large.register('ann')
      const client = await ObjectClient.of(large, 'ann')
      const content = new URL(await client.contentURL(await client.upload('x'.repeat(bytes))))
      let [isClosed, isReading] = [false, false]
      const socket = large.api.connect()
      socket.on('close', () => (isClosed = true))
      socket.on('error', (error) => error)
      socket.once('data', () => {
        isReading = true
        socket.pause()
      })
      socket.write(`GET ${content.pathname}${content.search} HTTP/1.1\r\nHost: x\r\n\r\n`)
      await until('the content comes', () => isReading)
      expect(await client.get('/object/a/b')).toMatchObject({ status: 503, json: { errCode: 1801 } })
      await until('there is room again', async () => {
        await large.clock.advance(60_000)
        return (await client.get('/object/a/b')).status === 404
      })
      socket.resume()
      await until('the connection is closed', () => isClosed)
      expect(socket.bytesRead).toBeLessThan(bytes)
    } finally {
      await large.close()
    }
  })

  it('is closed, and one transfer too many is refused', async () => {
    const small = await imWorld(undefined, undefined, { transferCount: 1 })
    try {
      await small.register('ann')
      const client = await ObjectClient.of(small, 'ann')
      const { upload } = (await client.initiate('x'.repeat(1_000))).data
      const { pathname, search } = new URL(upload!.sign.parts[0]!.url)
      let isClosed = false
      const socket = small.api.connect()
      socket.on('close', () => (isClosed = true))
      socket.on('error', (error) => error)
      socket.write(`PUT ${pathname}${search} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nx`)
      await until('the other one is refused', async () => (await client.get('/object/a/b')).status === 503)
      await until('the connection is closed', async () => {
        await small.clock.advance(60_000)
        return isClosed
      })
      const again = () => client.put(upload!.sign.parts[0]!.url, 'x'.repeat(1_000))
      await until('there is room again', async () => (await again()).status === 200)
    } finally {
      await small.close()
    }
  })
})
