import fs, { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { deferred } from '@parlance/core'
import { temporaryFolder } from '@parlance/testing'
import { expect, it, vi } from 'vitest'
import { openLocalFolder } from '../src/storage/local-folder.ts'

const opening = vi.hoisted(() => ({ mayGoOn: Promise.resolve(), opened: () => undefined as void }))

// A disk that takes its time to open a file.
vi.mock('node:fs', async (original) => {
  const real = await original<typeof fs>()
  const open = (path: string, flags: string, mode: number, done: (error: Error | null, file: number) => void): void => {
    void opening.mayGoOn.then(() =>
      real.open(path, flags, mode, (error, file) => {
        done(error, file)
        opening.opened()
      }),
    )
  }
  return {
    ...real,
    createWriteStream: (path: string, options: object) =>
      real.createWriteStream(path, { ...options, fs: { ...real, open } } as never),
  }
})

it('keeps no draft of a part that failed before its file came to be', async () => {
  const folder = temporaryFolder()
  const uploadID = 'a-slow-disk-takes-it'
  const storage = openLocalFolder({ path: folder.path, waitingBytes: 1024 })
  await storage.begin(uploadID, 2)
  const [goOn, opened] = [deferred(), deferred()]
  opening.mayGoOn = goOn.promise
  opening.opened = () => opened.resolve()
  const bytes = new Readable({ read: () => undefined })
  const outcome = storage.putPart(uploadID, 1, 2, bytes).catch((error: unknown) => error)
  bytes.destroy(new Error('the client went away'))
  for (let turn = 0; turn < 10; turn++) await new Promise<void>((resolve) => void setImmediate(resolve))
  goOn.resolve()
  await opened.promise
  expect(await outcome).toMatchObject({ message: 'the client went away' })
  expect(readdirSync(join(folder.path, 'uploads', `${uploadID}.2`))).toEqual([])
  folder.remove()
})
