import { deepEqual, equal } from 'node:assert/strict'
import { defineContract, until } from '@parlance/testing'
import type { RegisteredSession, SessionRegistry } from '../registry.ts'

const session = (subject: string, id: string, node = 'n1'): RegisteredSession => ({
  id,
  node,
  subject,
  device: 'web',
  credential: `credential of ${id}`,
})

const idsOf = (sessions: readonly RegisteredSession[] | undefined): string[] => (sessions ?? []).map(({ id }) => id)

/** What every registry of sessions must do. */
export const sessionRegistryContract = defineContract<SessionRegistry>()('SessionRegistry', {
  'a first session meets nobody': async (registry) => {
    deepEqual(await registry.register(session('ann', 'a1')), [])
  },
  'a session comes back as it was registered': async (registry) => {
    const given = session('ann', 'a1', 'n7')
    await registry.register(given)
    deepEqual(await registry.sessionsOf(['ann']), [[given]])
  },
  'registering returns the others of the subject, oldest first': async (registry) => {
    await registry.register(session('ann', 'a1'))
    await registry.register(session('bob', 'b1'))
    await registry.register(session('ann', 'a2', 'n2'))
    deepEqual(idsOf(await registry.register(session('ann', 'a3'))), ['a1', 'a2'])
    deepEqual(idsOf((await registry.sessionsOf(['ann']))[0]), ['a1', 'a2', 'a3'])
  },
  'registering a session again does not double it': async (registry) => {
    await registry.register(session('ann', 'a1'))
    deepEqual(await registry.register(session('ann', 'a1')), [])
    deepEqual(idsOf((await registry.sessionsOf(['ann']))[0]), ['a1'])
  },
  'of two that register at once at least one meets the other': async (registry) => {
    const pairs = Array.from({ length: 20 }, (_, pair) => `s${pair}`)
    for (const subject of pairs) {
      const met = await Promise.all([
        registry.register(session(subject, 'x')),
        registry.register(session(subject, 'y', 'n2')),
      ])
      equal(met.flat().length >= 1, true, `neither session of ${subject} met the other`)
    }
  },
  'an unregistered session is gone, the others stay': async (registry) => {
    await registry.register(session('ann', 'a1'))
    await registry.register(session('ann', 'a2'))
    await registry.unregister(session('ann', 'a1'))
    deepEqual(idsOf((await registry.sessionsOf(['ann']))[0]), ['a2'])
  },
  'unregistering twice, or what was never there, changes nothing': async (registry) => {
    await registry.register(session('ann', 'a1'))
    await registry.unregister(session('ann', 'unknown'))
    await registry.unregister(session('nobody', 'a1'))
    deepEqual(idsOf((await registry.sessionsOf(['ann']))[0]), ['a1'])
    await registry.unregister(session('ann', 'a1'))
    await registry.unregister(session('ann', 'a1'))
    deepEqual(await registry.sessionsOf(['ann']), [[]])
  },
  'many subjects are answered in the order asked, repeated and unknown ones too': async (registry) => {
    await registry.register(session('ann', 'a1'))
    await registry.register(session('bob', 'b1'))
    const found = await registry.sessionsOf(['bob', 'nobody', 'ann', 'bob'])
    deepEqual(found.map(idsOf), [['b1'], [], ['a1'], ['b1']])
    deepEqual(await registry.sessionsOf([]), [])
  },
  'subjects are any text': async (registry) => {
    const names = ['a:b', 'a b', '{a}', '*', 'ä€😀', '__proto__', '']
    for (const [index, name] of names.entries()) await registry.register(session(name, `id${index}`))
    deepEqual(
      (await registry.sessionsOf(names)).map(idsOf),
      names.map((_, index) => [`id${index}`]),
    )
  },
  'a watcher is told the sessions a subject has after each change': async (registry) => {
    const seen: string[] = []
    const stop = registry.watch((subject, sessions) => void seen.push(`${subject}=${idsOf(sessions).join('+')}`))
    await registry.register(session('ann', 'a1'))
    await until('the first is seen', () => seen.at(-1) === 'ann=a1')
    await registry.register(session('ann', 'a2'))
    await until('the second is seen', () => seen.at(-1) === 'ann=a1+a2')
    await registry.unregister(session('ann', 'a1'))
    await until('the leaving is seen', () => seen.at(-1) === 'ann=a2')
    await registry.unregister(session('ann', 'a2'))
    await until('the last leaving is seen', () => seen.at(-1) === 'ann=')
    stop()
  },
  'who stopped watching is told nothing any more, the others are': async (registry) => {
    const first: string[] = []
    const second: string[] = []
    const stopFirst = registry.watch((subject) => void first.push(subject))
    const stopSecond = registry.watch((subject) => void second.push(subject))
    await registry.register(session('ann', 'a1'))
    await until('both are told', () => first.length === 1 && second.length === 1)
    stopFirst()
    stopFirst()
    await registry.register(session('bob', 'b1'))
    await until('the second is told', () => second.includes('bob'))
    deepEqual(first, ['ann'])
    stopSecond()
  },
})
