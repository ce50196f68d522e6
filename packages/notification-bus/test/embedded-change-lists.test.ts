import { afterEach, beforeEach, expect, test } from 'vitest'
import { SqliteEngine } from '@parlance/engines/sqlite'
import type { Change } from '@parlance/notification-bus'
import { createEmbeddedChangeLists, type EmbeddedChangeLists } from '@parlance/notification-bus/embedded'
import { temporaryFolder, type TemporaryFolder } from '@parlance/testing'

let folder: TemporaryFolder
let engine: SqliteEngine
let lists: EmbeddedChangeLists

const open = (keptVersions?: number): void => {
  engine = SqliteEngine.open({ path: `${folder.path}/data.db` })
  lists = createEmbeddedChangeLists({ engine, ...(keptVersions === undefined ? {} : { keptVersions }) })
}
const put = (element: string, list = 'a'): Change => ({ list, element, kind: 'put' })
const remove = (element: string, list = 'a'): Change => ({ list, element, kind: 'remove' })
const positionOf = async (list: string) => (await lists.positions([list]))[0]!

beforeEach(() => {
  folder = temporaryFolder()
  open()
})
afterEach(async () => {
  await engine.close()
  folder.remove()
})

test('epochs and versions survive a restart, of touched and untouched lists alike', async () => {
  await lists.append([put('x')])
  const before = await lists.positions(['a', 'untouched'])
  await engine.close()
  open()
  expect(await lists.positions(['a', 'untouched'])).toEqual(before)
})

test('another database has other epochs, so that its readers begin again', async () => {
  const { epoch } = await positionOf('a')
  const other = SqliteEngine.open({ path: `${folder.path}/other.db` })
  const position = (await createEmbeddedChangeLists({ engine: other }).positions(['a']))[0]!
  expect(position.epoch).not.toBe(epoch)
  expect(position.version).toBe(1)
  await other.close()
})

test('the epochs of a new database come from the given randomness', async () => {
  const epochs = await Promise.all(
    [1, 1, 2].map(async (seed, index) => {
      const own = SqliteEngine.open({ path: `${folder.path}/seed-${index}.db` })
      const random = (length: number) => new Uint8Array(length).fill(seed)
      const [position] = await createEmbeddedChangeLists({ engine: own, random }).positions(['a'])
      await own.close()
      return position!.epoch
    }),
  )
  expect(epochs[0]).toBe(epochs[1])
  expect(epochs[0]).not.toBe(epochs[2])
})

test('appendIn is part of the transaction it is called in, and undone with it', async () => {
  await lists.append([put('x')])
  const position = await positionOf('a')
  const undone = engine.write(() => {
    lists.appendIn([put('y'), put('z', 'new')])
    throw new Error('undo')
  })
  const kept = engine.write(() => lists.appendIn([put('w')]))
  await expect(undone).rejects.toThrow('undo')
  await kept
  expect(await lists.since('a', position)).toMatchObject({
    inserted: ['w'],
    position: { version: position.version + 1 },
  })
  expect(await positionOf('new')).toMatchObject({ version: 1 })
  expect(() => lists.appendIn([put('x')])).toThrow(/inside SqliteEngine.write/)
})

test('compaction drops old tombstones, and readers behind the floor get full', async () => {
  await lists.append([put('x'), put('y'), put('z')])
  const old = await positionOf('a')
  await lists.append([remove('x'), remove('y')])
  const recent = await positionOf('a')
  await lists.append([remove('z')])
  await lists.compact('a', 1)
  expect(await lists.since('a', old)).toEqual({ kind: 'full', position: await positionOf('a') })
  expect(await lists.since('a', recent)).toMatchObject({ kind: 'delta', removed: ['z'] })
  expect(engine.prepare('SELECT element FROM change_elements').all()).toEqual([{ element: 'z' }])
  await lists.compact('a', 1000)
  expect(await lists.since('a', old)).toMatchObject({ kind: 'full' })
})

test('compacting many tombstones frees them all', async () => {
  const names = Array.from({ length: 1201 }, (_, index) => `e${index}`)
  await lists.append(names.map((name) => put(name)))
  await lists.append(names.map((name) => remove(name)))
  await lists.compact('a', 0)
  expect(engine.prepare<{ n: number }>('SELECT count(*) AS n FROM change_elements').get()!.n).toBe(0)
  expect(await lists.append([put('e1')])).toBeUndefined()
  expect((await positionOf('a')).version).toBe(2404)
})

const rowCount = (): number => engine.prepare<{ n: number }>('SELECT count(*) AS n FROM change_elements').get()!.n

test('elements that come and go do not pile up, whether one by one or many at once', async () => {
  await engine.close()
  open(100)
  await lists.append([put('stays')])
  for (let index = 0; index < 500; index++) await lists.append([put(`e${index}`), remove(`e${index}`)])
  expect(rowCount()).toBeLessThanOrEqual(100)
  const names = Array.from({ length: 1000 }, (_, index) => `m${index}`)
  await lists.append(names.flatMap((name) => [put(name), remove(name)]))
  expect(rowCount()).toBeLessThanOrEqual(100)
})

test('a reader within the kept versions gets a delta, one behind a forgotten removal gets full', async () => {
  await engine.close()
  open(100)
  await lists.append([put('x'), put('y')])
  const old = await positionOf('a')
  await lists.append([remove('x')])
  const { epoch } = old
  for (let index = 0; index < 200; index++) await lists.append([put('y')])
  const { version } = await positionOf('a')
  expect(await lists.since('a', { epoch, version: version - 100 })).toMatchObject({ kind: 'delta', updated: ['y'] })
  expect(await lists.since('a', old)).toMatchObject({ kind: 'full' })
})

test('a list from which nothing is removed gives deltas from its beginning', async () => {
  await engine.close()
  open(100)
  const before = await positionOf('a')
  for (let index = 0; index < 300; index++) await lists.append([put(`e${index % 7}`)])
  expect(await lists.since('a', before)).toMatchObject({ kind: 'delta' })
})

test('automatic compaction is undone with its append', async () => {
  await engine.close()
  open(20)
  await lists.append([put('x'), remove('x')])
  const position = await positionOf('a')
  const undone = engine.write(() => {
    lists.appendIn(Array.from({ length: 200 }, () => put('y')))
    throw new Error('undo')
  })
  await expect(undone).rejects.toThrow('undo')
  expect(await lists.since('a', { ...position, version: 2 })).toMatchObject({ kind: 'delta', removed: ['x'] })
})
