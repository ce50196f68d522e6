import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Which packages each package may stand on. The whole plan of the house, in one table. */
const directions: Readonly<Record<string, readonly string[]>> = {
  core: [],
  engines: ['core'],
  testing: ['core'],
  rockscache: ['core', 'engines'],
  gateway: ['core', 'engines'],
  'seq-allocator': ['core', 'engines'],
  'notification-bus': ['core', 'engines', 'seq-allocator'],
  'cached-repository': ['core', 'engines', 'rockscache', 'seq-allocator', 'notification-bus'],
  'openim-protocol': ['core'],
  'im-server': ['core', 'engines', 'gateway', 'notification-bus', 'cached-repository', 'openim-protocol'],
  cli: ['core', 'im-server'],
}

/** Words of instant messaging that no generic package may know. */
const imWords = /friend|blacklist|chat|conversation|groupID|groupMember/i
/** What Kafka's library calls the group of a consumer. */
const kafkaWords = /\bgroupId: /g
const generic = Object.keys(directions).filter((name) => !['openim-protocol', 'im-server', 'cli'].includes(name))

interface Manifest {
  readonly name: string
  readonly license?: string
  readonly exports?: Readonly<Record<string, Readonly<Record<string, string>>>>
  readonly dependencies?: Readonly<Record<string, string>>
}

const manifestOf = (name: string): Manifest =>
  JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8')) as Manifest

function sources(name: string, below = 'src'): { readonly file: string; readonly text: string }[] {
  const folder = join(root, 'packages', name, below)
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((file) => ({ file: file.slice(root.length), text: readFileSync(file, 'utf8') }))
}

const importsOf = (text: string): string[] =>
  [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((match) => match[1]!)

describe('the house stands as planned', () => {
  it('every package is in the plan', () => {
    const folders = readdirSync(join(root, 'packages'), { withFileTypes: true }).filter((entry) => entry.isDirectory())
    expect(folders.map(({ name }) => name).toSorted()).toEqual(Object.keys(directions).toSorted())
  })

  it.each(Object.keys(directions))('%s depends only on what it may stand on', (name) => {
    const { dependencies = {} } = manifestOf(name)
    const own = Object.keys(dependencies).filter((dependency) => dependency.startsWith('@parlance/'))
    expect(own.filter((dependency) => !directions[name]!.includes(dependency.slice('@parlance/'.length)))).toEqual([])
  })

  it.each(Object.keys(directions))('%s imports only what it declares, and only public faces', (name) => {
    const wrong: string[] = []
    for (const { file, text } of sources(name)) {
      for (const specifier of importsOf(text).filter((candidate) => candidate.startsWith('@parlance/'))) {
        const [, target = '', ...rest] = specifier.split('/')
        const face = rest.length === 0 ? '.' : `./${rest.join('/')}`
        const isContract = file.includes('/src/contract/') && target === 'testing'
        if (!isContract && !directions[name]!.includes(target)) wrong.push(`${file} imports ${specifier}`)
        if (manifestOf(target).exports?.[face] === undefined)
          wrong.push(`${file} imports ${specifier}, which is not exported`)
      }
    }
    expect(wrong).toEqual([])
  })

  it.each(generic)('%s knows no word of instant messaging', (name) => {
    const found = sources(name).flatMap(({ file, text }) =>
      (file.includes('/src/kafka/') ? text.replaceAll(kafkaWords, '') : text)
        .split('\n')
        .flatMap((line, index) => (imWords.test(line) ? [`${file}:${index + 1}: ${line.trim()}`] : [])),
    )
    expect(found).toEqual([])
  })

  it('reflect-metadata is loaded only by decorators and the composition root', () => {
    const loads = Object.keys(directions).flatMap((name) =>
      sources(name)
        .filter(({ text }) => /import 'reflect-metadata'/.test(text))
        .map(({ file }) => file),
    )
    expect(loads.filter((file) => !/\/src\/(decorators|composition)\//.test(file))).toEqual([])
  })

  it('the server writes no caching and no sync code: it uses no API of rockscache, the channel or change lists', () => {
    const forbidden = /rockscache|InvalidationChannel|InProcessChannel|ChangeLists|createCache|markStale/
    const wrong = sources('im-server').flatMap(({ file, text }) =>
      forbidden.test(text) ? [`${file} names ${forbidden.exec(text)![0]}`] : [],
    )
    expect(wrong).toEqual([])
    expect(Object.keys(manifestOf('im-server').dependencies ?? {})).not.toContain('@parlance/rockscache')
  })

  it('every declared entity takes at most 30 lines, its views included', () => {
    const lengths = sources('im-server', 'src/entities').map(({ file, text }) => {
      const lines = text
        .split('\n')
        .filter((line) => line.trim() !== '' && !line.startsWith('import ') && !/^(\/\*\*| \*)/.test(line.trim()))
      return { file, lines: lines.length }
    })
    expect(lengths.filter(({ lines }) => lines > 30)).toEqual([])
    expect(lengths.length).toBeGreaterThanOrEqual(8)
  })

  it('every package is published under Apache-2.0', () => {
    expect(Object.keys(directions).filter((name) => manifestOf(name).license !== 'Apache-2.0')).toEqual([])
  })
})
