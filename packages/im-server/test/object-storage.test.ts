import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { type TemporaryFolder, temporaryFolder } from '@parlance/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { objectStorageContract } from '../src/contract/index.ts'
import type { ObjectStorage } from '../src/domain/objects/object-storage.ts'
import { createImServer } from '../src/index.ts'
import { openLocalFolder } from '../src/storage/local-folder.ts'
import { ApiClient } from './support/api-client.ts'

let folder: TemporaryFolder

beforeEach(() => {
  folder = temporaryFolder()
})

afterEach(() => folder.remove())

const open = (): ObjectStorage => openLocalFolder({ path: join(folder.path, 'objects'), waitingBytes: 1024 * 1024 })

objectStorageContract('local folder', { open: () => ({ storage: open(), reopen: open }) })

describe('a local folder', () => {
  const uploadID = 'upload-0123456789'

  it('removes what a crash left half written, when it is opened', async () => {
    await open().begin(uploadID, 4)
    const path = join(folder.path, 'objects', 'uploads', `${uploadID}.4`)
    writeFileSync(join(path, 'ab12.draft'), 'half')
    writeFileSync(join(path, `1.${'0'.repeat(32)}`), 'abcd')
    const storage = open()
    expect(readdirSync(path)).toEqual([`1.${'0'.repeat(32)}`])
    expect(await storage.parts(uploadID)).toHaveLength(1)
  })

  it('keeps no file of an upload that was discarded, and no draft of one that failed', async () => {
    const storage = open()
    await storage.begin(uploadID, 2)
    await expect(storage.putPart(uploadID, 1, 2, Readable.from([Buffer.from('a')]))).rejects.toThrow(
      /ended after 1 of 2/,
    )
    const path = join(folder.path, 'objects', 'uploads', `${uploadID}.2`)
    expect(readdirSync(path)).toEqual([])
    await storage.discard(uploadID)
    expect(existsSync(path)).toBe(false)
  })

  it('opens although others put files and folders beside the uploads, and keeps its bound', async () => {
    const uploads = join(folder.path, 'objects', 'uploads')
    mkdirSync(join(uploads, 'lost+found'), { recursive: true })
    writeFileSync(join(uploads, '.DS_Store'), '')
    const storage = open()
    expect(await storage.uploads()).toEqual([])
    await expect(storage.begin(uploadID, 1024 * 1024 + 1)).rejects.toMatchObject({ code: 'OBJECT_STORAGE_FULL' })
  })

  it('is not led astray by files that others put there', async () => {
    mkdirSync(join(folder.path, 'objects', 'uploads', `${uploadID}.9`), { recursive: true })
    writeFileSync(join(folder.path, 'objects', 'uploads', `${uploadID}.9`, '..%2Fx'), '')
    expect(await open().parts(uploadID)).toEqual([])
  })
})

describe('where a server keeps files', () => {
  const begin = async (options: object): Promise<void> => {
    const im = await createImServer({ dataDir: folder.path, logLevel: 'error', ...options }, {})
    try {
      const { api } = await im.listen({ apiPort: 0, wsPort: 0 })
      const admin = await ApiClient.admin(api, im.adminSecret)
      await admin.must('/object/initiate_form_data', { name: 'imAdmin/file', size: 5 })
    } finally {
      await im.stop()
    }
  }

  it.each([
    ['objects in its data folder', {}, 'objects'],
    ['the folder of the setting', { objectsDir: 'elsewhere' }, 'elsewhere'],
  ])('is %s', async (_what, { objectsDir }: { objectsDir?: string }, name) => {
    await begin({ objectsDir: objectsDir === undefined ? undefined : join(folder.path, objectsDir) })
    expect(readdirSync(join(folder.path, name, 'uploads'))).toHaveLength(1)
  })

  it('is the storage it is given', async () => {
    const given = open()
    await begin({ objectStorage: given, objectsDir: join(folder.path, 'unused') })
    expect(await given.uploads()).toHaveLength(1)
    expect(existsSync(join(folder.path, 'unused'))).toBe(false)
  })

  it('has no more room than the setting says', async () => {
    await expect(begin({ maxUploadBytes: 4 })).rejects.toThrow(/1801/)
  })
})
