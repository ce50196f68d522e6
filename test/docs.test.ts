import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const read = (file: string): string => readFileSync(join(root, file), 'utf8')
const foldersIn = (folder: string): string[] =>
  readdirSync(join(root, folder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== 'node_modules')
    .map(({ name }) => `${folder}/${name}`)
const pagesIn = (folder: string): string[] =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `${folder}/${name}`)

const packages = foldersIn('packages')
const walks = pagesIn('docs/architecture').filter((page) => !page.endsWith('README.md'))
const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'benchmarks/README.md',
  ...pagesIn('docs'),
  ...pagesIn('docs/adr'),
  ...pagesIn('docs/architecture'),
  ...pagesIn('examples'),
  ...[...packages, ...foldersIn('examples')].map((folder) => `${folder}/README.md`),
]

const withoutFences = (text: string): string => text.replaceAll(/^```[\s\S]*?^```$/gm, '')
/** A file with a folder, in code quotes: `src/index.ts`. Names of packages and routes have no such ending. */
const quotedFile = /`((?:[\w.@-]+\/)+[\w.@-]+\.(?:ts|mts|mjs|md|json|yaml))`/g
const link = /\]\(([^)#:]+)(?:#[^)]*)?\)/g

describe('documentation', () => {
  it.each(packages)('%s has a README', (folder) => {
    expect(existsSync(join(root, folder, 'README.md'))).toBe(true)
  })

  it.each(pages)('%s names only files that exist', (page) => {
    const text = withoutFences(read(page))
    const here = dirname(page)
    const linked = [...text.matchAll(link)].map(([, target]) => join(here, target!))
    const quoted = [...text.matchAll(quotedFile)].map(([, file]) => file!)
    const missing = [
      ...linked.filter((file) => !existsSync(join(root, file))),
      ...quoted.filter((file) => !existsSync(join(root, file)) && !existsSync(join(root, here, file))),
    ]
    expect(missing).toEqual([])
  })

  it.each(pages)('%s tells nothing of the machine it was written on', (page) => {
    expect(/\/(?:work|root|home|Users|tmp)\//.exec(read(page))?.[0]).toBeUndefined()
  })

  it('the table of contents leads to every page', () => {
    const contents = read('docs/README.md')
    const unlisted = pages
      .filter((page) => page.startsWith('docs/') && page !== 'docs/README.md' && !/\/adr\/\d/.test(page))
      .filter((page) => !contents.includes(`(${page.slice('docs/'.length)})`))
    expect(unlisted).toEqual([])
    const decisions = read('docs/adr/README.md')
    const numbered = pagesIn('docs/adr').filter((page) => /\/\d/.test(page))
    expect(numbered.filter((page) => !decisions.includes(`(${page.slice('docs/adr/'.length)})`))).toEqual([])
    expect(numbered.length).toBeGreaterThan(0)
  })
})

describe.each(walks)('the walk %s', (page) => {
  const text = read(page)
  const steps = withoutFences(text).match(/^\d+\. .*$/gm) ?? []

  it('is drawn, and told in steps', () => {
    expect(text).toMatch(/^```mermaid\n(?:sequenceDiagram|flowchart)/m)
    expect(steps.length).toBeGreaterThan(4)
  })

  it('names the file of each step', () => {
    expect(steps.filter((step) => [...step.matchAll(quotedFile)].length === 0)).toEqual([])
  })

  it('names only what is in those files', () => {
    const named = [...text.matchAll(/`([\w./-]+\.ts)` \((`[^)]*`)\)/g)].flatMap(([, file, names]) =>
      [...names!.matchAll(/`([^`]+)`/g)].map(([, name]) => ({ file: file!, name: name! })),
    )
    const wrong = named.filter(({ file, name }) => {
      const isNamed = new RegExp(`(?<![\\w#])${name}\\b`)
      return !isNamed.test(read(file))
    })
    expect(wrong).toEqual([])
    expect(named.length).toBeGreaterThanOrEqual(steps.length)
  })
})

describe('the picture of the rooms', () => {
  type Graph = ReadonlyMap<string, readonly string[]>

  /** Everything below a room. */
  const below = (graph: Graph, name: string): string[] => {
    const found = new Set<string>()
    const visit = (room: string): void => {
      for (const next of graph.get(room) ?? []) {
        if (found.has(next)) continue
        found.add(next)
        visit(next)
      }
    }
    visit(name)
    return [...found].toSorted()
  }

  it('shows the directions that the architecture test proves', () => {
    const table = read('test/architecture.test.ts').match(/const directions[^{]*\{([\s\S]*?)\n\}/)?.[1] ?? ''
    const allowed: Graph = new Map(
      [...table.matchAll(/^ {2}'?([a-z-]+)'?: \[(.*)\],$/gm)].map(([, name, list]) => [
        name!,
        [...list!.matchAll(/'([^']+)'/g)].map(([, other]) => other!),
      ]),
    )
    expect([...allowed.keys()].map((name) => `packages/${name}`).toSorted()).toEqual(packages.toSorted())
    const drawn = new Map<string, string[]>()
    for (const [, from, to] of read('docs/architecture/README.md').matchAll(/^ {2}([a-z-]+) --> ([a-z-]+)$/gm))
      drawn.set(from!, [...(drawn.get(from!) ?? []), to!])
    const reach = (graph: Graph): object =>
      Object.fromEntries([...allowed.keys()].map((name) => [name, below(graph, name)]))
    expect(reach(drawn)).toEqual(reach(allowed))
  })
})
