import { deepEqual, equal, rejects } from 'node:assert/strict'
import { InvalidArgumentError } from '@parlance/core'
import { defineContract, until } from '@parlance/testing'
import type { NodeAnnouncement, RegisteredSession, SessionRegistry } from '../registry.ts'

/** One registry as two processes see it; they may be one process. */
export interface RegistryFixture {
  readonly here: SessionRegistry
  readonly there: SessionRegistry
}

const session = (subject: string, id: string, node = 'n1'): RegisteredSession => ({
  id,
  node,
  subject,
  device: 'web',
  credential: `credential of ${id}`,
})

const node = (name: string, incarnation = 'first'): NodeAnnouncement => ({
  name,
  incarnation,
  address: `${name}.example:1`,
})

const idsOf = (sessions: readonly RegisteredSession[] | undefined): string[] => (sessions ?? []).map(({ id }) => id)

/** Sessions of n1 register here, those of n2 there. */
function joined({ here, there }: RegistryFixture): RegistryFixture {
  here.join(node('n1'))
  there.join(node('n2'))
  return { here, there }
}

/** What every registry of sessions must do. */
export const sessionRegistryContract = defineContract<RegistryFixture>()('SessionRegistry', {
  'a first session meets nobody': async (fixture) => {
    deepEqual(await joined(fixture).here.register(session('ann', 'a1')), [])
  },
  'a session comes back as it was registered, in every process': async (fixture) => {
    const { here, there } = joined(fixture)
    const given = { ...session('ann', 'a1'), device: 'ä"\n{}', credential: '' }
    await here.register(given)
    deepEqual(await here.sessionsOf(['ann']), [[given]])
    deepEqual(await there.sessionsOf(['ann']), [[given]])
  },
  'registering returns the others of the subject, oldest first': async (fixture) => {
    const { here, there } = joined(fixture)
    await here.register(session('ann', 'a1'))
    await here.register(session('bob', 'b1'))
    await there.register(session('ann', 'a2', 'n2'))
    deepEqual(idsOf(await here.register(session('ann', 'a3'))), ['a1', 'a2'])
    deepEqual(idsOf((await there.sessionsOf(['ann']))[0]), ['a1', 'a2', 'a3'])
  },
  'the oldest stays first, however many come': async (fixture) => {
    const { here, there } = joined(fixture)
    const ids = Array.from({ length: 300 }, (_, index) => `a${index}`)
    for (const id of ids) await here.register(session('ann', id))
    deepEqual(idsOf((await there.sessionsOf(['ann']))[0]), ids)
  },
  'registering a session again does not double it, and leaves it in its place': async (fixture) => {
    const { here } = joined(fixture)
    await here.register(session('ann', 'a1'))
    deepEqual(await here.register(session('ann', 'a1')), [])
    await here.register(session('ann', 'a2'))
    deepEqual(idsOf(await here.register(session('ann', 'a1'))), ['a2'])
    deepEqual(idsOf((await here.sessionsOf(['ann']))[0]), ['a1', 'a2'])
  },
  'of two that register at once at least one meets the other': async (fixture) => {
    const { here, there } = joined(fixture)
    const pairs = Array.from({ length: 20 }, (_, pair) => `s${pair}`)
    for (const subject of pairs) {
      const met = await Promise.all([here.register(session(subject, 'x')), there.register(session(subject, 'y', 'n2'))])
      equal(met.flat().length >= 1, true, `neither session of ${subject} met the other`)
    }
  },
  'an unregistered session is gone, the others stay': async (fixture) => {
    const { here, there } = joined(fixture)
    await here.register(session('ann', 'a1'))
    await here.register(session('ann', 'a2'))
    await here.unregister(session('ann', 'a1'))
    deepEqual(idsOf((await there.sessionsOf(['ann']))[0]), ['a2'])
  },
  'unregistering twice, or what was never there, changes nothing': async (fixture) => {
    const { here } = joined(fixture)
    await here.register(session('ann', 'a1'))
    await here.unregister(session('ann', 'unknown'))
    await here.unregister(session('nobody', 'a1'))
    deepEqual(idsOf((await here.sessionsOf(['ann']))[0]), ['a1'])
    await here.unregister(session('ann', 'a1'))
    await here.unregister(session('ann', 'a1'))
    deepEqual(await here.sessionsOf(['ann']), [[]])
  },
  'many subjects are answered in the order asked, repeated and unknown ones too': async (fixture) => {
    const { here } = joined(fixture)
    await here.register(session('ann', 'a1'))
    await here.register(session('bob', 'b1'))
    const found = await here.sessionsOf(['bob', 'nobody', 'ann', 'bob'])
    deepEqual(found.map(idsOf), [['b1'], [], ['a1'], ['b1']])
    deepEqual(await here.sessionsOf([]), [])
  },
  'subjects are any text': async (fixture) => {
    const { here } = joined(fixture)
    const names = ['a:b', 'a b', '{a}', '{}', '*', 'ä€😀', '__proto__', '']
    for (const [index, name] of names.entries()) await here.register(session(name, `id${index}`))
    deepEqual(
      (await here.sessionsOf(names)).map(idsOf),
      names.map((_, index) => [`id${index}`]),
    )
  },
  'nodes are known by what they announced, in every process, until they leave': async (fixture) => {
    const { here, there } = fixture
    deepEqual(await there.nodes(), [])
    const first = here.join(node('n1'))
    const second = there.join(node('n2'))
    for (const registry of [here, there])
      await until('both are known', async () => {
        const nodes = await registry.nodes()
        deepEqual(
          nodes.toSorted((a, b) => a.name.localeCompare(b.name)),
          [node('n1'), node('n2')],
        )
        return true
      })
    await first.leave()
    await first.leave()
    deepEqual(await here.nodes(), [node('n2')])
    await second.leave()
    deepEqual(await there.nodes(), [])
  },
  'a session of a node that has not joined is refused': async ({ here }) => {
    await rejects(here.register(session('ann', 'a1')), InvalidArgumentError)
    deepEqual(await here.sessionsOf(['ann']), [[]])
  },
  'sessions go with their node, and watchers are told': async ({ here, there }) => {
    const leaving = here.join(node('n1'))
    there.join(node('n2'))
    await here.register(session('ann', 'a1'))
    await there.register(session('ann', 'a2', 'n2'))
    const seen: string[] = []
    const watch = there.watch((_, sessions) => void seen.push(idsOf(sessions).join('+')))
    deepEqual((await watch.follow(['ann'])).map(idsOf), [['a1', 'a2']])
    await leaving.leave()
    deepEqual(idsOf((await here.sessionsOf(['ann']))[0]), ['a2'])
    await until('the watcher is told', () => seen.at(-1) === 'a2')
    watch.stop()
  },
  'a node that comes again under its name has none of its earlier sessions': async ({ here, there }) => {
    here.join(node('n1'))
    await here.register(session('ann', 'a1'))
    there.join(node('n1', 'second'))
    await there.register(session('ann', 'a2'))
    deepEqual(idsOf((await there.sessionsOf(['ann']))[0]), ['a2'])
    deepEqual(await there.nodes(), [node('n1', 'second')])
  },
  'a watcher is told the sessions a subject has after each change, wherever it was made': async (fixture) => {
    const { here, there } = joined(fixture)
    const seen: string[] = []
    const watch = here.watch((subject, sessions) => void seen.push(`${subject}=${idsOf(sessions).join('+')}`))
    deepEqual(await watch.follow(['ann', 'bob']), [[], []])
    await here.register(session('ann', 'a1'))
    await until('the first is seen', () => seen.at(-1) === 'ann=a1')
    await there.register(session('ann', 'a2', 'n2'))
    await until('the second is seen', () => seen.at(-1) === 'ann=a1+a2')
    await here.unregister(session('ann', 'a1'))
    await until('the leaving is seen', () => seen.at(-1) === 'ann=a2')
    await there.unregister(session('ann', 'a2', 'n2'))
    await until('the last leaving is seen', () => seen.at(-1) === 'ann=')
    deepEqual(seen, ['ann=a1', 'ann=a1+a2', 'ann=a2', 'ann='])
    watch.stop()
  },
  'a watcher is told of those it follows only, and while it does': async (fixture) => {
    const { here } = joined(fixture)
    const [first, second]: [string[], string[]] = [[], []]
    const watch = here.watch((subject) => void first.push(subject))
    const other = here.watch((subject) => void second.push(subject))
    await watch.follow(['ann', 'bob'])
    await watch.follow(['ann'])
    await other.follow(['ann', 'bob', 'carl', 'last'])
    watch.unfollow(['bob', 'never followed'])
    for (const subject of ['bob', 'carl', 'ann']) await here.register(session(subject, `of ${subject}`))
    await until('the second is told', () => second.length === 3)
    await until('the first is told', () => first.length === 1)
    watch.stop()
    watch.stop()
    deepEqual((await watch.follow(['carl'])).map(idsOf), [['of carl']])
    await here.register(session('last', 'l1'))
    await until('the second is told', () => second.includes('last'))
    deepEqual(first, ['ann'])
    // Each subject's changes come in their order; which of several subjects comes first is left open.
    deepEqual(second.toSorted(), ['ann', 'bob', 'carl', 'last'])
    other.stop()
  },
})
