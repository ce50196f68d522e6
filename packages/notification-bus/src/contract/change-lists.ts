import { deepEqual, equal, fail, match, notEqual, rejects } from 'node:assert/strict'
import { defineContract } from '@parlance/testing'
import type { Change, ChangeKind, ChangeLists, ListDelta, Position } from '../change-list.ts'

const change = (kind: ChangeKind, element: string, list = 'a'): Change => ({ list, element, kind })
const put = (element: string, list?: string): Change => change('put', element, list)
const remove = (element: string, list?: string): Change => change('remove', element, list)

const positionOf = async (lists: ChangeLists, list = 'a'): Promise<Position> => (await lists.positions([list]))[0]!

type Delta = Extract<ListDelta, { kind: 'delta' }>

async function deltaOf(lists: ChangeLists, position: Position, limit?: number): Promise<Delta> {
  const answer = await lists.since('a', position, limit)
  return answer.kind === 'delta' ? answer : fail('a delta was expected, not full')
}

const namesOf = ({ inserted, updated, removed }: Delta) => ({ inserted, updated, removed })

/** What every driver of {@link ChangeLists} must do. */
export const changeListsContract = defineContract<ChangeLists>()('ChangeLists', {
  'a list nobody touched is at version 1, under an epoch that its first change keeps': async (lists) => {
    const untouched = await positionOf(lists)
    match(untouched.epoch, /^[0-9a-f]{24}$/)
    equal(untouched.version, 1)
    deepEqual(await positionOf(lists), untouched)
    await lists.append([put('x')])
    deepEqual(await positionOf(lists), { epoch: untouched.epoch, version: 2 })
    deepEqual(namesOf(await deltaOf(lists, untouched)), { inserted: ['x'], updated: [], removed: [] })
  },
  'without a position the answer is full, with the position to continue from': async (lists) => {
    deepEqual(await lists.since('a', undefined), { kind: 'full', position: await positionOf(lists) })
    await lists.append([put('x')])
    deepEqual(await lists.since('a', undefined), { kind: 'full', position: await positionOf(lists) })
  },
  'a position that cannot be continued is answered with full, never with nothing changed': async (lists) => {
    await lists.append([put('x'), put('y')])
    const position = await positionOf(lists)
    const unusable: Position[] = [
      { epoch: '0'.repeat(24), version: position.version },
      { epoch: '', version: 1 },
      ...[position.version + 1, 0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY].map((version) => ({
        epoch: position.epoch,
        version,
      })),
      { epoch: position.epoch, version: 2, from: 3 },
      { epoch: position.epoch, version: 2, from: Number.NaN },
    ]
    for (const given of unusable)
      deepEqual(await lists.since('a', given), { kind: 'full', position }, JSON.stringify(given))
  },
  'nothing changed: an empty delta at the same position': async (lists) => {
    await lists.append([put('x')])
    const position = await positionOf(lists)
    deepEqual(await lists.since('a', position), {
      kind: 'delta',
      inserted: [],
      updated: [],
      removed: [],
      position,
      more: false,
    })
  },
  'each change takes one version, and each list counts for itself': async (lists) => {
    await lists.append([put('x'), put('x'), remove('x'), put('x', 'b')])
    const [a, b, c] = await lists.positions(['a', 'b', 'c'])
    deepEqual([a?.version, b?.version, c?.version], [4, 2, 1])
  },
  'only the last change of an element counts, oldest first': async (lists) => {
    await lists.append([put('kept'), put('gone'), put('back'), remove('back')])
    const position = await positionOf(lists)
    await lists.append([put('kept'), put('new1'), put('new2'), remove('gone'), put('back'), put('new1'), put('kept')])
    deepEqual(namesOf(await deltaOf(lists, position)), {
      inserted: ['new2', 'back', 'new1'],
      updated: ['kept'],
      removed: ['gone'],
    })
  },
  'an element removed and put again is an insert, also for a reader who had it': async (lists) => {
    await lists.append([put('x')])
    const position = await positionOf(lists)
    await lists.append([remove('x'), put('x')])
    deepEqual(namesOf(await deltaOf(lists, position)), { inserted: ['x'], updated: [], removed: [] })
  },
  'pages are bounded and together give everything once': async (lists) => {
    const position = await positionOf(lists)
    const elements = Array.from({ length: 25 }, (_, index) => `e${index}`)
    await lists.append(elements.map((element) => put(element)))
    const seen: string[] = []
    let page = await deltaOf(lists, position, 10)
    for (; page.more; page = await deltaOf(lists, page.position, 10)) {
      equal(page.inserted.length, 10)
      seen.push(...page.inserted)
    }
    deepEqual([...seen, ...page.inserted], elements)
    deepEqual(page.position, await positionOf(lists))
  },
  'an element inserted on an earlier page and changed since comes as an insert': async (lists) => {
    const position = await positionOf(lists)
    await lists.append([put('late'), put('p'), put('q'), put('late')])
    const page = await deltaOf(lists, position, 2)
    deepEqual(page.inserted, ['p', 'q'])
    deepEqual(namesOf(await deltaOf(lists, page.position, 2)), { inserted: ['late'], updated: [], removed: [] })
  },
  'a change that cannot be accepted is refused together with the whole call': async (lists) => {
    const before = await positionOf(lists)
    await rejects(lists.append([put('x'), put('')]), { code: 'CORE_INVALID_ARGUMENT' })
    await rejects(lists.append([put('x'), put('y'.repeat(1025))]), { code: 'CORE_INVALID_ARGUMENT' })
    await rejects(lists.append([put('x'), put('x', '')]), { code: 'CORE_INVALID_ARGUMENT' })
    deepEqual(await positionOf(lists), before)
  },
  'concurrent appends never share a version': async (lists) => {
    await Promise.all(Array.from({ length: 20 }, (_, index) => lists.append([put(`e${index}`)])))
    const { version } = await positionOf(lists)
    equal(version, 21)
    const delta = await deltaOf(lists, { epoch: (await positionOf(lists)).epoch, version: 1 })
    equal(new Set(delta.inserted).size, 20)
  },
  'appends that do not wait for each other keep their order': async (lists) => {
    const position = await positionOf(lists)
    const kinds = Array.from({ length: 41 }, (_, index) => (index % 2 === 0 ? put('x') : remove('x')))
    await Promise.all(kinds.map((one) => lists.append([one])))
    deepEqual(namesOf(await deltaOf(lists, position)), { inserted: ['x'], updated: [], removed: [] })
    await Promise.all([...kinds, remove('x')].map((one) => lists.append([one])))
    deepEqual(namesOf(await deltaOf(lists, position)), { inserted: [], updated: [], removed: ['x'] })
  },
  'from every version of a long history a reader learns the last change of each element, inserts told from updates':
    async (lists) => {
      const { epoch } = await positionOf(lists)
      const history = Array.from({ length: 400 }, (_, index) =>
        change(index % 11 === 0 ? 'remove' : 'put', `e${(index * 7) % 60}`),
      )
      for (let index = 0; index < history.length; index += 25) await lists.append(history.slice(index, index + 25))
      for (const version of [1, 2, 39, 64, 65, 129, 200, 335, 336, 337, 390, 400, 401]) {
        const present = new Set<string>()
        const last = new Map<string, 'inserted' | 'updated' | 'removed'>()
        history.forEach(({ element, kind }, index) => {
          if (index + 2 > version) {
            const isInsert = !present.has(element) || (last.get(element) === 'inserted' && present.has(element))
            last.delete(element)
            last.set(element, kind === 'remove' ? 'removed' : isInsert ? 'inserted' : 'updated')
          }
          if (kind === 'put') present.add(element)
          else present.delete(element)
        })
        const expected = (what: string): string[] =>
          [...last].filter(([, is]) => is === what).map(([element]) => element)
        const names = { inserted: expected('inserted'), updated: expected('updated'), removed: expected('removed') }
        deepEqual(namesOf(await deltaOf(lists, { epoch, version })), names, `from version ${version}`)
      }
    },
  'an operation that is repeated appends nothing, to no list that took it': async (lists) => {
    await lists.append([put('x'), put('y')], { operation: 'o1' })
    const position = await positionOf(lists)
    await lists.append([put('x'), put('y'), put('x', 'b')], { operation: 'o1' })
    deepEqual(await positionOf(lists), position)
    equal((await positionOf(lists, 'b')).version, 2)
    await lists.append([put('z')], { operation: 'o2' })
    equal((await positionOf(lists)).version, position.version + 1)
    await Promise.all(Array.from({ length: 10 }, () => lists.append([put('w'), put('w', 'c')], { operation: 'o3' })))
    const [a, b, c] = await lists.positions(['a', 'b', 'c'])
    deepEqual([a?.version, b?.version, c?.version], [position.version + 2, 2, 2])
  },
  'a list remembers its latest operations, also large ones among small ones': async (lists) => {
    const many = Array.from({ length: 1500 }, (_, index) => put(`many ${index}`))
    await lists.append(many, { operation: 'many' })
    for (let round = 0; round < 5; round++)
      await Promise.all(
        Array.from({ length: 50 }, (_, index) => lists.append([put('x')], { operation: `${round} ${index}` })),
      )
    const position = await positionOf(lists)
    equal(position.version, 1 + 1500 + 250)
    await lists.append(many, { operation: 'many' })
    await lists.append([put('x')], { operation: '0 0' })
    await lists.append([put('x')], { operation: '4 49' })
    deepEqual(await positionOf(lists), position)
  },
  'an operation without a usable name is refused': async (lists) => {
    for (const operation of ['', 'x'.repeat(129), 'a\0b'])
      await rejects(lists.append([put('x')], { operation }), { code: 'CORE_INVALID_ARGUMENT' })
    equal((await positionOf(lists)).version, 1)
  },
  'lists with different names do not answer to each other': async (lists) => {
    await lists.append([put('x', 'a'), put('y', 'b')])
    const b = await lists.since('b', { epoch: (await positionOf(lists, 'b')).epoch, version: 1 })
    notEqual(b.kind, 'full')
    deepEqual(b.kind === 'delta' && b.inserted, ['y'])
  },
})
