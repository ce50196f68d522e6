import { PassThrough } from 'node:stream'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder, until, VirtualClock } from '@parlance/testing'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type ImWorld, imWorld } from './support/im-world.ts'
import { md5, ObjectClient } from './support/object-client.ts'

const hour = 3_600_000
const long = Array.from({ length: 2_500 }, (_, at) => String(at % 10)).join('')

let folder: ReturnType<typeof temporaryFolder>
let world: ImWorld
let ann: ObjectClient
let bob: ObjectClient

beforeEach(async () => {
  folder = temporaryFolder()
  world = await imWorld(folder, new VirtualClock(), { uploadsPerUser: 3, formBytes: 5_000, waitingBytes: 250_000 })
  await world.register('ann', 'bob')
  ;[ann, bob] = await Promise.all([ObjectClient.of(world, 'ann'), ObjectClient.of(world, 'bob')])
})

afterEach(() => world.close())

/** Files of content that is kept. */
const contents = (): string[] =>
  readdirSync(join(folder.path, 'objects', 'content'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)

/** Folders of uploads that wait. */
const waiting = (): string[] => readdirSync(join(folder.path, 'objects', 'uploads'))

describe('an upload in parts', () => {
  it('is read back byte by byte from its URL, by whoever has it', async () => {
    expect((await ann.ask('part_limit', {})).data).toEqual({ minPartSize: 1_000, maxPartSize: 1_000, maxNumSize: 100 })
    expect((await ann.ask('part_size', { size: 2_500 })).data).toEqual({ size: 1_000 })
    const { data } = await ann.initiate(long)
    expect(data).toMatchObject({ url: '', upload: { partSize: 1_000, expireTime: world.clock.now() + 24 * hour } })
    const parts = ann.partsOf(long)
    for (const { partNumber, url } of data.upload!.sign.parts)
      expect(await ann.put(url, parts[partNumber - 1]!)).toMatchObject({
        status: 200,
        headers: { etag: `"${md5(parts[partNumber - 1]!)}"`, 'access-control-allow-origin': '*' },
      })
    const { url } = (await ann.complete(data.upload!.uploadID, parts)).data
    expect(url).toMatch(new RegExp(`^http://127.0.0.1:${world.api.port}/object/ann/[\\w-]{22}/file.txt$`))
    expect((await bob.read(url)).text).toBe(long)
    expect(waiting()).toEqual([])
  })

  it('has room for an empty file', async () => {
    expect((await ann.read(await ann.upload(''))).text).toBe('')
  })

  it('keeps names as they are, in whatever script', async () => {
    const name = 'ann/für alle/照片 100%?#.png'
    const url = await ann.upload('x', { name, contentType: 'image/png' })
    const answer = await bob.read(`${url}?type=image&width=640&height=640`)
    expect(answer.text).toBe('x')
    expect(answer.headers['content-disposition']).toContain(encodeURIComponent('照片'))
  })

  it('goes on where it was broken off, with newly signed parts, also after a restart', async () => {
    const { upload } = (await ann.initiate(long, { maxParts: 2 })).data
    expect(upload!.sign.parts.map(({ partNumber }) => partNumber)).toEqual([1, 2])
    const parts = ann.partsOf(long)
    await ann.put(upload!.sign.parts[1]!.url, parts[1]!)
    world = await world.reopen()
    ann = await ObjectClient.of(world, 'ann')
    const { data } = await ann.ask<{ parts: { partNumber: number; url: string }[] }>('auth_sign', {
      uploadID: upload!.uploadID,
      partNumbers: [1, 3],
    })
    for (const { partNumber, url } of data.parts) await ann.put(url, parts[partNumber - 1]!)
    const { url } = (await ann.complete(upload!.uploadID, parts)).data
    expect((await ann.read(url)).text).toBe(long)
  })

  it('of content that its owner has already is done at once, under another name', async () => {
    const first = await ann.upload(long)
    const { data } = await ann.initiate(long, { name: 'ann/again.txt' })
    expect(data.upload).toBeUndefined()
    expect(data.url).not.toBe(first)
    expect((await bob.read(data.url)).text).toBe(long)
    expect(waiting()).toEqual([])
  })

  it('of content that somebody else has tells nothing of it, and keeps it once', async () => {
    const first = await ann.upload(long)
    const { data } = await bob.initiate(long)
    expect(data.upload).toBeDefined()
    const second = await bob.upload(long)
    expect(second).not.toBe(first)
    expect((await ann.read(second)).text).toBe(long)
    expect(contents()).toHaveLength(1)
  })

  it('is completed once, however often and at the same time it is asked for', async () => {
    const { upload } = (await ann.initiate(long)).data
    const parts = ann.partsOf(long)
    for (const { partNumber, url } of upload!.sign.parts) await ann.put(url, parts[partNumber - 1]!)
    const urls = await Promise.all([1, 2, 3].map(async () => (await ann.complete(upload!.uploadID, parts)).data.url))
    urls.push((await ann.complete(upload!.uploadID, parts)).data.url)
    expect(new Set(urls).size).toBe(1)
  })

  it('is put together once, however many ask for it at the same time: each time writes a copy of all of it', async () => {
    const { upload } = (await ann.initiate(long)).data
    const parts = ann.partsOf(long)
    for (const { partNumber, url } of upload!.sign.parts) await ann.put(url, parts[partNumber - 1]!)
    const joined = vi.spyOn(world.storage, 'join')
    const answers = await Promise.all(Array.from({ length: 5 }, () => ann.complete(upload!.uploadID, parts)))
    expect(answers.map(({ errCode }) => errCode)).toEqual([0, 0, 0, 0, 0])
    expect(joined).toHaveBeenCalledTimes(1)
  })
})

describe('an upload is refused', () => {
  it.each([
    ['1001', { size: -1 }],
    ['1001', { hash: 'x' }],
    ['1001', { hash: '../../../../../../etc/passwd0000' }],
    ['1001', { partSize: 999 }],
    ['1802', { size: 100_001 }],
    ['1002', { name: 'bob/file.txt' }],
    ['1002', { name: 'annabel/file.txt' }],
    ['1001', { name: 'ann' }],
    ['1001', { name: 'ann/' }],
    ['1001', { name: 'ann/../bob/file.txt' }],
    ['1001', { name: 'ann/./file.txt' }],
    ['1001', { name: '../../etc/passwd' }],
    ['1001', { name: '/ann/file.txt' }],
    ['1001', { name: 'ann/a\u0000b' }],
    ['1001', { name: `ann/${'x'.repeat(512)}` }],
  ])('with %s for %j', async (errCode, change) => {
    expect(await ann.initiate('hello', change)).toMatchObject({ errCode: Number(errCode) })
    expect(waiting()).toEqual([])
  })

  it('with 1803 beyond the uploads that a user may have waiting, however many begin at once', async () => {
    const begun = await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map((text) => ann.initiate(text)))
    const codes = begun.map(({ errCode }) => errCode)
    expect(codes.filter((code) => code === 0).length).toBeLessThanOrEqual(3)
    expect(new Set(codes)).toEqual(new Set([0, 1803]))
    while ((await ann.initiate('more')).errCode === 0);
    expect(waiting()).toHaveLength(3)
    expect(await bob.initiate('b')).toMatchObject({ errCode: 0 })
    await world.clock.advance(24 * hour)
    ann = await ObjectClient.of(world, 'ann')
    expect(await ann.initiate('later')).toMatchObject({ errCode: 0 })
  })

  it('with 1803 when one user announces too much, so that nobody takes the room of all others', async () => {
    await world.close()
    folder = temporaryFolder()
    world = await imWorld(folder, new VirtualClock(), { uploadBytesPerUser: 120_000, waitingBytes: 250_000 })
    await world.register('ann', 'bob')
    ;[ann, bob] = await Promise.all([ObjectClient.of(world, 'ann'), ObjectClient.of(world, 'bob')])
    const begun = await Promise.all([1, 2, 3].map(() => ann.initiate('', { size: 50_000 })))
    expect(begun.filter(({ errCode }) => errCode === 0).length).toBeLessThanOrEqual(2)
    while ((await ann.initiate('', { size: 50_000 })).errCode === 0);
    expect(await ann.initiate('', { size: 50_000 })).toMatchObject({
      errCode: 1803,
      errDlt: expect.stringContaining('120000 bytes'),
    })
    expect(waiting()).toHaveLength(2)
    expect(await bob.initiate('', { size: 100_000 })).toMatchObject({ errCode: 0 })
  })

  it('with 1801 while all uploads together have no room', async () => {
    const size = 100_000
    for (const client of [ann, bob]) expect(await client.initiate('', { size })).toMatchObject({ errCode: 0 })
    expect(await ann.initiate('', { size })).toMatchObject({
      errCode: 1801,
      errDlt: expect.stringContaining('200000 bytes wait'),
    })
    expect(waiting()).toHaveLength(2)
  })

  it('with 1001 for parts it has not, and 1002 for somebody else’s', async () => {
    const { upload } = (await ann.initiate(long)).data
    const sign = (client: ObjectClient, partNumbers: number[], uploadID = upload!.uploadID) =>
      client.ask('auth_sign', { uploadID, partNumbers })
    expect(await sign(ann, [4])).toMatchObject({ errCode: 1001, errDlt: expect.stringContaining('parts 1 to 3') })
    expect(await sign(ann, [0])).toMatchObject({ errCode: 1001 })
    expect(await sign(bob, [1])).toMatchObject({ errCode: 1002 })
    expect(await sign(ann, [1], 'no-such-upload-at-all')).toMatchObject({ errCode: 1701 })
    expect(await sign(ann, [1], '../../../../etc')).toMatchObject({ errCode: 1701 })
    expect(await bob.complete(upload!.uploadID, bob.partsOf(long))).toMatchObject({ errCode: 1002 })
  })

  it('with 1001 when it is completed with other parts than announced or received', async () => {
    const { upload } = (await ann.initiate(long)).data
    const parts = ann.partsOf(long)
    const { uploadID, sign } = upload!
    await ann.put(sign.parts[0]!.url, parts[0]!)
    expect(await ann.complete(uploadID, ['other', 'parts'])).toMatchObject({
      errCode: 1001,
      errDlt: expect.stringContaining('not the parts whose hash was announced'),
    })
    expect(await ann.complete(uploadID, parts)).toMatchObject({
      errCode: 1001,
      errDlt: expect.stringContaining('part 2'),
    })
    for (const { partNumber, url } of sign.parts) await ann.put(url, parts[partNumber - 1]!)
    await ann.put(sign.parts[1]!.url, 'x'.repeat(1_000))
    expect(await ann.complete(uploadID, parts)).toMatchObject({
      errCode: 1001,
      errDlt: expect.stringContaining('part 2'),
    })
    expect(await ann.complete(uploadID, parts, { name: 'bob/x' })).toMatchObject({ errCode: 1002 })
    await ann.put(sign.parts[1]!.url, parts[1]!)
    expect(await ann.complete(uploadID, parts)).toMatchObject({ errCode: 0 })
  })

  it('with 1001 when the parts have not the size that was announced', async () => {
    const hash = md5([md5('a'.repeat(1_000)), md5('b'.repeat(500))].join(','))
    const { upload } = (await ann.initiate('', { hash, size: 1_999 })).data
    await ann.put(upload!.sign.parts[0]!.url, 'a'.repeat(1_000))
    expect(await ann.put(upload!.sign.parts[1]!.url, 'b'.repeat(500))).toMatchObject({ status: 400 })
    const short = (await ann.initiate('', { hash: md5(md5('a'.repeat(1_000))), size: 1_999 })).data.upload!
    await ann.put(short.sign.parts[0]!.url, 'a'.repeat(1_000))
    expect(await ann.complete(short.uploadID, ['a'.repeat(1_000)])).toMatchObject({
      errCode: 1001,
      errDlt: expect.stringContaining('1000 bytes, not 1999'),
    })
    expect(contents(), 'content that no object has is never removed').toEqual([])
  })

  it('with 1701 once it has expired', async () => {
    const { upload } = (await ann.initiate(long)).data
    const { uploadID, sign } = upload!
    await world.clock.advance(24 * hour - 1)
    expect(await ann.put(sign.parts[0]!.url, 'x'.repeat(1_000))).toMatchObject({ status: 200 })
    await world.clock.advance(1)
    ann = await ObjectClient.of(world, 'ann')
    expect(await ann.put(sign.parts[0]!.url, 'x'.repeat(1_000))).toMatchObject({ status: 410, json: { errCode: 1701 } })
    expect(await ann.ask('auth_sign', { uploadID, partNumbers: [1] })).toMatchObject({ errCode: 1701 })
    expect(await ann.complete(uploadID, ann.partsOf(long))).toMatchObject({ errCode: 1701 })
  })
})

describe('a part', () => {
  let url: string
  let uploadID: string
  beforeEach(async () => {
    const { upload } = (await ann.initiate(long)).data
    uploadID = upload!.uploadID
    url = upload!.sign.parts[0]!.url
  })

  const nothingKept = async () => expect(await world.storage.parts(uploadID)).toEqual([])

  it.each([
    ['no signature', (given: string) => given.replace(/&signature=.*/, '')],
    ['a changed signature', (given: string) => given.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'))],
    ['another number', (given: string) => given.replace('/1?', '/2?')],
    ['a number out of range', (given: string) => given.replace('/1?', '/0?')],
    ['another length', (given: string) => given.replace('bytes=1000', 'bytes=1001')],
    [
      'a later expiry',
      (given: string) => given.replace(/expires=(\d+)/, (_, at: string) => `expires=${Number(at) + 1}`),
    ],
    ['another upload', (given: string) => given.replace(/part\/[^/]+/, `part/${'x'.repeat(22)}`)],
    ['another purpose', (given: string) => given.replace('/object-part/', '/object-form/')],
  ])('is refused with 403 for %s', async (_what, change) => {
    const method = change(url).includes('/object-form/') ? 'POST' : 'PUT'
    const { pathname, search } = new URL(change(url))
    const answer = await world.api.call(pathname + search, { method, headers: {}, body: 'x'.repeat(1_000) })
    expect(answer).toMatchObject({ status: 403, json: { errCode: 1002 } })
    await nothingKept()
  })

  it('is refused with 400 when it has not the bytes it should have', async () => {
    expect(await ann.put(url, 'short')).toMatchObject({ status: 400, json: { errCode: 1001 } })
    expect(await ann.put(url, 'x'.repeat(1_001))).toMatchObject({ status: 400, json: { errCode: 1001 } })
    const { pathname, search } = new URL(url)
    for (const text of ['short', 'x'.repeat(1_001)]) {
      const headers = { 'transfer-encoding': 'chunked' }
      const answer = await world.api.call(pathname + search, { method: 'PUT', headers, body: text })
      expect(answer).toMatchObject({ status: 400, json: { errCode: 1001 } })
    }
    await nothingKept()
  })

  it('that breaks off leaves nothing, and can be sent again', async () => {
    const socket = world.api.connect()
    const { pathname, search } = new URL(url)
    socket.write(`PUT ${pathname}${search} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n${'x'.repeat(500)}`)
    const files = () => readdirSync(join(folder.path, 'objects', 'uploads', waiting()[0]!))
    await until('the part comes in', () => files().length > 0)
    socket.destroy()
    await until('what came in is gone', () => files().length === 0)
    expect(await ann.put(url, 'x'.repeat(1_000))).toMatchObject({ status: 200 })
  })

  it('is preflighted by browsers', async () => {
    const { pathname, search } = new URL(url)
    const answer = await world.api.call(pathname + search, { method: 'OPTIONS', headers: {} })
    expect(answer).toMatchObject({
      status: 204,
      headers: {
        'access-control-allow-origin': '*',
        'access-control-allow-methods': 'PUT',
        'access-control-allow-headers': expect.stringContaining('content-type'),
      },
    })
    expect(await world.api.call(pathname + search, { method: 'DELETE', headers: {} })).toMatchObject({ status: 405 })
  })
})

describe('a form', () => {
  const boundary = 'the-boundary'
  const formOf = (text: string, field = 'file'): string =>
    [
      `--${boundary}\r\nContent-Disposition: form-data; name="note"\r\n\r\nhello\r\n`,
      `--${boundary}\r\nContent-Disposition: form-data; name="${field}"; filename="../../x"\r\nContent-Type: text/html\r\n\r\n`,
      `${text}\r\n--${boundary}--\r\n`,
    ].join('')
  const post = (url: string, body: string, type = `multipart/form-data; boundary=${boundary}`) => {
    const { pathname, search } = new URL(url)
    return world.api.call(pathname + search, { method: 'POST', headers: { 'content-type': type }, body })
  }
  const initiate = async (size: number) => {
    const body = { name: 'ann/form.txt', size, contentType: 'text/plain', group: 'g', millisecond: 0, absolute: false }
    return ann.ask<{ id: string; url: string; file: string; expires: number }>('initiate_form_data', body)
  }

  it('is read back byte by byte, and completed as often as it is asked for', async () => {
    const { data } = await initiate(5)
    expect(data).toMatchObject({ file: 'file', expires: world.clock.now() + 600_000 })
    expect(await post(data.url, formOf('hello'))).toMatchObject({ status: 204 })
    const { url } = (await ann.ask<{ url: string }>('complete_form_data', { id: data.id })).data
    expect((await bob.read(url)).text).toBe('hello')
    expect((await ann.ask<{ url: string }>('complete_form_data', { id: data.id })).data.url).toBe(url)
    expect(await bob.ask('complete_form_data', { id: data.id })).toMatchObject({ errCode: 1002 })
  })

  it('is refused when it is too large, has other bytes than announced, is none, or came too late', async () => {
    expect(await initiate(5_001)).toMatchObject({ errCode: 1802 })
    const { data } = await initiate(5)
    expect(await post(data.url, formOf('hello!'))).toMatchObject({ status: 400 })
    expect(await post(data.url, formOf('hi'))).toMatchObject({ status: 400 })
    expect(await post(data.url, 'hello', 'text/plain')).toMatchObject({ status: 400 })
    expect(await post(data.url, 'hello')).toMatchObject({ status: 400 })
    expect(await post(data.url, `--${boundary}--\r\n`)).toMatchObject({ status: 400 })
    expect(await post(data.url, formOf('hello').slice(0, -30))).toMatchObject({ status: 400 })
    expect(await ann.ask('complete_form_data', { id: data.id })).toMatchObject({ errCode: 1001 })
    await world.clock.advance(600_000)
    expect(await post(data.url, formOf('hello'))).toMatchObject({ status: 410 })
    expect(await ann.ask('complete_form_data', { id: data.id })).toMatchObject({ errCode: 1701 })
  })
})

describe('sweeping', () => {
  it('forgets what has expired, and keeps what has not', async () => {
    const { upload } = (await ann.initiate(long)).data
    await ann.put(upload!.sign.parts[0]!.url, 'x'.repeat(1_000))
    await world.clock.advance(12 * hour)
    const later = (await ann.initiate('later')).data.upload!
    expect(await world.uploads.sweep()).toBe(0)
    await world.clock.advance(12 * hour)
    expect(await world.uploads.sweep()).toBe(1)
    expect(await world.storage.uploads()).toEqual([later.uploadID])
    expect(await world.repositories.uploads.get({ uploadID: upload!.uploadID })).toBeUndefined()
  })

  it('forgets what a crash left without a row, but nothing that is just being begun', async () => {
    await world.storage.begin('upload-without-row', 10)
    expect(await world.uploads.sweep()).toBe(0)
    expect(await world.uploads.sweep()).toBe(1)
    expect(existsSync(join(folder.path, 'objects', 'uploads', 'upload-without-row.10'))).toBe(false)
  })

  it('while a part comes in ends it', async () => {
    const { upload } = (await ann.initiate(long)).data
    const body = new PassThrough()
    const receiving = world.uploads.receive(upload!.uploadID, 1, 1_000, body)
    const outcome = expect(receiving).rejects.toMatchObject({ code: 'OBJECT_UNKNOWN_UPLOAD' })
    await world.clock.advance(24 * hour)
    await world.uploads.sweep()
    body.end('x'.repeat(1_000))
    await outcome
    expect(waiting()).toEqual([])
  })
})
