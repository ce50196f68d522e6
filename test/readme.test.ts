import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const read = (path: string): string => readFileSync(fileURLToPath(new URL(`../${path}`, import.meta.url)), 'utf8')
const readme = read('README.md')

/** The lines between `// <name>:start` and `// <name>:end`, without their common indentation. */
function region(file: string, name: string): string {
  const found = new RegExp(`^ *// ${name}:start\\n([\\s\\S]*?)^ *// ${name}:end$`, 'm').exec(read(file))
  if (found === null) throw new Error(`${file} has no region ${name}`)
  const lines = found[1]!.split('\n')
  const indent = Math.min(...lines.filter((line) => line !== '').map((line) => line.search(/\S/)))
  return lines.map((line) => line.slice(indent)).join('\n')
}

const included = [...readme.matchAll(/^<!-- from (\S+), (\w+) -->\n```ts\n([\s\S]*?)^```$/gm)].map(
  ([, file, name, code]) => ({ file: file!, name: name!, code: code! }),
)

describe('the README', () => {
  it('every TypeScript block comes from a file that is compiled and run', () => {
    expect(included).toHaveLength([...readme.matchAll(/^```ts$/gm)].length)
    expect(included.length).toBeGreaterThan(0)
  })

  it.each(included)('$file, $name: the block is what the file says', ({ file, name, code }) => {
    expect(code).toBe(region(file, name))
  })

  it('the entity takes the 20 lines that are promised', () => {
    expect(included[0]!.code.trimEnd().split('\n')).toHaveLength(20)
  })

  it('shows what the server prints', () => {
    const shown = /^\$ npm start\n([\s\S]*?)^```$/m.exec(readme)![1]!
    const said = read('packages/im-server/src/run.ts')
    const fixed = shown.split('\n').filter((line) => line !== '')
    const words = fixed.map((line) => /^\s*\S+(?: \S+)*?(?=\s{2,}|$)/.exec(line)![0])
    expect(words.filter((word) => !said.includes(word.trim()))).toEqual([])
    expect(fixed.length).toBeGreaterThan(4)
  })

  it('shows what the tests print', () => {
    const shown = /^\$ npm test\n([\s\S]*?)^```$/m.exec(readme)![1]!
    const steps = [...read('scripts/checks.mjs').matchAll(/^(?:if \(.+\) )?await (check|suite)\('([^']+)'/gm)]
    const titles = steps.map(([, kind, name]) => (kind === 'suite' ? `— tests: ${name}` : `— ${name}`))
    expect(shown.split('\n').filter((line) => line.startsWith('— '))).toEqual(titles)
    expect(titles.length).toBeGreaterThan(3)
    expect(shown).toMatch(/^\d+ passed, 0 failed$/m)
  })

  it('keeps a place for the bench table', () => {
    expect(readme).toMatch(/^<!-- bench:start -->\n[\s\S]*?^<!-- bench:end -->$/m)
  })
})
