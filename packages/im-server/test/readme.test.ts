import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { configSchema, environmentNames } from '../src/config.ts'

const file = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')
const readme = file('README.md')

describe('the README', () => {
  it('lists every setting with its environment variable and its default', () => {
    const rows = [...readme.matchAll(/^\| `(\w+)` \| `(PARLANCE_\w+)` \| (.+?) \|/gm)]
    const defaults: Readonly<Record<string, string | number | undefined>> = configSchema.parse({})
    const expected = Object.entries(environmentNames).map(([option, name]) => [
      option,
      name,
      defaults[option] === undefined ? 'made once' : `\`${defaults[option]}\``,
    ])
    expect(rows.map(([, option, name, byDefault]) => [option, name, byDefault])).toEqual(expected)
  })

  it('lists every route of the API', () => {
    const table = [...readme.matchAll(/^\| `(\/[a-z]+)` \| (.+) \|$/gm)]
    const listed = table.flatMap(([, prefix, names]) =>
      [...names!.matchAll(/`([a-z_]+)`/g)].map(([, name]) => `${prefix}/${name}`),
    )
    const served = readdirSync(new URL('../src/api/routes', import.meta.url)).flatMap((name) =>
      [...file(`src/api/routes/${name}`).matchAll(/oute\(\s*'(\/[a-z]+\/[a-z_]+)'/g)].map(([, path]) => path!),
    )
    expect(listed.toSorted()).toEqual(served.toSorted())
    expect(served.length).toBeGreaterThan(40)
  })
})
