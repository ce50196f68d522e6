import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const examples = fileURLToPath(new URL('../examples', import.meta.url))
const names = readdirSync(examples, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)

/** All but the page, which a server serves; its own tests open it in a browser. */
const programs = names.filter((name) => name !== 'web-chat')

/** What its README says the example prints: the first block without a language. */
const promised = (name: string): string =>
  /^```\n([\s\S]*?)^```$/m.exec(readFileSync(join(examples, name, 'README.md'), 'utf8'))?.[1] ?? 'nothing'

describe('examples', () => {
  it('there are some, and the list of them is complete', () => {
    const list = readFileSync(join(examples, 'README.md'), 'utf8')
    const linked = [...list.matchAll(/^\| \[[^\]]+\]\(([^)]+)\/\)/gm)].map(([, folder]) => folder)
    expect(linked.toSorted()).toEqual(names.toSorted())
    expect(names.length).toBeGreaterThan(0)
  })

  it.each(programs)('%s: the built program ends by itself and prints what its README says', (name) => {
    const program = join(examples, name, 'dist/main.js')
    expect(existsSync(program), `${program} is not there: run npm run setup first`).toBe(true)
    const { status, stdout, stderr } = spawnSync(process.execPath, [program], { encoding: 'utf8', timeout: 60_000 })
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: promised(name), stderr: '' })
  })
})
