import { deepEqual, equal, rejects } from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { PassThrough, Readable } from 'node:stream'
import { defineContract } from '@parlance/testing'
import type { ObjectStorage } from '../domain/objects/object-storage.ts'

/** A storage, and how to open it anew as after the end of its process. It has room for 1 MiB of uploads. */
export interface ObjectStorageUnderTest {
  readonly storage: ObjectStorage
  readonly reopen: () => Promise<ObjectStorage> | ObjectStorage
}

const uploadID = 'upload-0123456789'
const other = 'upload-9876543210'

const hashOf = (algorithm: string, bytes: string | Uint8Array): string =>
  createHash(algorithm).update(bytes).digest('hex')

const stream = (...chunks: string[]): Readable => Readable.from(chunks.map((chunk) => Buffer.from(chunk)))

/** Breaks after its first chunk was read. */
const broken = (chunk: string): Readable =>
  Readable.from(
    (async function* () {
      yield Buffer.from(chunk)
      throw new Error('gone')
    })(),
  )

const put = (storage: ObjectStorage, partNumber: number, text: string, of = uploadID) =>
  storage.putPart(of, partNumber, text.length, stream(text))

async function textOf(source: Readable): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of source) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

const coded = (code: string) => (error: unknown) => (error as { readonly code?: string }).code === code

/** What every {@link ObjectStorage} must do. */
export const objectStorageContract = defineContract<ObjectStorageUnderTest>()('ObjectStorage', {
  'parts are joined in their order, whatever the order they came in': async ({ storage }) => {
    await storage.begin(uploadID, 9)
    await put(storage, 3, 'three')
    await put(storage, 1, 'on')
    await put(storage, 2, 'tw')
    const md5s = ['on', 'tw', 'three'].map((text) => hashOf('md5', text))
    const content = await storage.join(uploadID, md5s)
    deepEqual(content, { contentID: hashOf('sha256', 'ontwthree'), byteCount: 9 })
    equal(await textOf(await storage.read(content.contentID)), 'ontwthree')
  },
  'a part comes back with its number, size and MD5': async ({ storage }) => {
    await storage.begin(uploadID, 6)
    deepEqual(await storage.parts(uploadID), [])
    const part = { partNumber: 2, byteCount: 5, md5: hashOf('md5', 'hello') }
    deepEqual(await storage.putPart(uploadID, 2, 5, stream('he', 'l', 'lo')), part)
    await put(storage, 10, 'x')
    deepEqual(await storage.parts(uploadID), [part, { partNumber: 10, byteCount: 1, md5: hashOf('md5', 'x') }])
  },
  'a part that is sent again replaces the one before': async ({ storage }) => {
    await storage.begin(uploadID, 3)
    await put(storage, 1, 'old')
    await put(storage, 1, 'new')
    deepEqual(
      (await storage.parts(uploadID)).map(({ md5 }) => md5),
      [hashOf('md5', 'new')],
    )
    await rejects(storage.join(uploadID, [hashOf('md5', 'old')]), coded('OBJECT_PART_MISMATCH'))
    const { contentID } = await storage.join(uploadID, [hashOf('md5', 'new')])
    equal(await textOf(await storage.read(contentID)), 'new')
  },
  'the same content of two uploads is one': async ({ storage }) => {
    for (const id of [uploadID, other]) await storage.begin(id, 2)
    await put(storage, 1, 'ab')
    await put(storage, 1, 'a', other)
    await put(storage, 2, 'b', other)
    const one = await storage.join(uploadID, [hashOf('md5', 'ab')])
    deepEqual(await storage.join(other, [hashOf('md5', 'a'), hashOf('md5', 'b')]), one)
    equal(await textOf(await storage.read(one.contentID)), 'ab')
  },
  'nothing makes an empty content': async ({ storage }) => {
    await storage.begin(uploadID, 0)
    const { contentID, byteCount } = await storage.join(uploadID, [])
    equal(byteCount, 0)
    equal(await textOf(await storage.read(contentID)), '')
  },
  'a piece is read by its first and last byte': async ({ storage }) => {
    await storage.begin(uploadID, 10)
    await put(storage, 1, '0123456789')
    const { contentID } = await storage.join(uploadID, [hashOf('md5', '0123456789')])
    equal(await textOf(await storage.read(contentID, { start: 2, end: 4 })), '234')
    equal(await textOf(await storage.read(contentID, { start: 9, end: 9 })), '9')
  },
  'joining can be repeated, also after the parts were discarded': async ({ storage }) => {
    await storage.begin(uploadID, 1)
    await put(storage, 1, 'x')
    const md5s = [hashOf('md5', 'x')]
    const [one, two] = await Promise.all([storage.join(uploadID, md5s), storage.join(uploadID, md5s)])
    deepEqual(one, two)
    await storage.discard(uploadID)
    equal(await textOf(await storage.read(one.contentID)), 'x')
    await rejects(storage.join(uploadID, md5s), coded('OBJECT_UNKNOWN_UPLOAD'))
  },
  'more or fewer bytes than announced are no part': async ({ storage }) => {
    await storage.begin(uploadID, 3)
    await put(storage, 1, 'abc')
    await rejects(storage.putPart(uploadID, 1, 3, stream('ab')), coded('OBJECT_PART_MISMATCH'))
    await rejects(storage.putPart(uploadID, 1, 3, stream('ab', 'cd')), coded('OBJECT_PART_MISMATCH'))
    deepEqual(
      (await storage.parts(uploadID)).map(({ md5 }) => md5),
      [hashOf('md5', 'abc')],
    )
  },
  'a source that breaks leaves the part as it was': async ({ storage }) => {
    await storage.begin(uploadID, 2)
    await rejects(storage.putPart(uploadID, 1, 2, broken('a')), /gone/)
    deepEqual(await storage.parts(uploadID), [])
    await put(storage, 1, 'ab')
    await rejects(storage.putPart(uploadID, 1, 2, broken('c')), /gone/)
    deepEqual(
      (await storage.parts(uploadID)).map(({ md5 }) => md5),
      [hashOf('md5', 'ab')],
    )
  },
  'of two that send one part the later wins, and the earlier is told': async ({ storage }) => {
    await storage.begin(uploadID, 2)
    const endless = new PassThrough()
    endless.write('o')
    const earlier = rejects(storage.putPart(uploadID, 1, 2, endless), coded('OBJECT_PART_MISMATCH'))
    await put(storage, 1, 'nw')
    await earlier
    deepEqual(
      (await storage.parts(uploadID)).map(({ md5 }) => md5),
      [hashOf('md5', 'nw')],
    )
  },
  'what was never begun, or was discarded, takes nothing': async ({ storage }) => {
    await rejects(put(storage, 1, 'a'), coded('OBJECT_UNKNOWN_UPLOAD'))
    await rejects(storage.parts(uploadID), coded('OBJECT_UNKNOWN_UPLOAD'))
    await storage.discard(uploadID)
    await storage.begin(uploadID, 1)
    await put(storage, 1, 'a')
    deepEqual(await storage.uploads(), [uploadID])
    await storage.discard(uploadID)
    deepEqual(await storage.uploads(), [])
    await rejects(put(storage, 1, 'a'), coded('OBJECT_UNKNOWN_UPLOAD'))
  },
  'uploads that wait are bounded in bytes, until they are discarded, also over a restart': async ({
    storage,
    reopen,
  }) => {
    const half = 512 * 1024
    await storage.begin(uploadID, half)
    await storage.begin(uploadID, half)
    await storage.begin(other, half)
    await rejects(storage.begin('upload-of-another', 1), coded('OBJECT_STORAGE_FULL'))
    const again = await reopen()
    await rejects(again.begin('upload-of-another', 1), coded('OBJECT_STORAGE_FULL'))
    await again.discard(other)
    await again.begin('upload-of-another', half)
  },
  'what was received and joined outlives the process': async ({ storage, reopen }) => {
    await storage.begin(uploadID, 4)
    await put(storage, 1, 'ab')
    await storage.begin(other, 1)
    await put(storage, 1, 'x', other)
    const { contentID } = await storage.join(other, [hashOf('md5', 'x')])
    const again = await reopen()
    deepEqual([...(await again.uploads())].toSorted(), [uploadID, other].toSorted())
    await put(again, 2, 'cd')
    const joined = await again.join(uploadID, [hashOf('md5', 'ab'), hashOf('md5', 'cd')])
    equal(await textOf(await again.read(joined.contentID)), 'abcd')
    equal(await textOf(await again.read(contentID)), 'x')
  },
  'ids that are none are refused before anything is touched': async ({ storage }) => {
    const refused = coded('CORE_INVALID_ARGUMENT')
    for (const id of [
      '',
      'short',
      '../../../../etc/passwd',
      '/etc/passwd-and-more',
      'a/b/c/d/e/f/g/h/i',
      'x'.repeat(65),
    ]) {
      await rejects(storage.begin(id, 1), refused)
      await rejects(put(storage, 1, 'a', id), refused)
      await rejects(storage.parts(id), refused)
      await rejects(storage.join(id, []), refused)
      await rejects(storage.discard(id), refused)
      await rejects(storage.read(id), refused)
    }
    await storage.begin(uploadID, 1)
    for (const partNumber of [0, -1, 1.5, Number.NaN, 10_001]) await rejects(put(storage, partNumber, 'a'), refused)
    await rejects(storage.join(uploadID, ['../../../secret']), coded('OBJECT_PART_MISMATCH'))
  },
  'content that is not there is told': async ({ storage }) => {
    await rejects(storage.read('0'.repeat(64)), coded('OBJECT_UNKNOWN_CONTENT'))
  },
})
