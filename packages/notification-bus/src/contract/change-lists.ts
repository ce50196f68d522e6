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
  'lists with different names do not answer to each other': async (lists) => {
    await lists.append([put('x', 'a'), put('y', 'b')])
    const b = await lists.since('b', { epoch: (await positionOf(lists, 'b')).epoch, version: 1 })
    notEqual(b.kind, 'full')
    deepEqual(b.kind === 'delta' && b.inserted, ['y'])
  },
})
