import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
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

/** Applications print where they listen, and run until they are stopped. */
const isApplication = (name: string): boolean => promised(name).includes('http://')

const programOf = (name: string): string => {
  const program = join(examples, name, 'dist/main.js')
  expect(existsSync(program), `${program} is not there: run npm run setup first`).toBe(true)
  return program
}

describe('examples', () => {
  it('there are some, and the list of them is complete', () => {
    const list = readFileSync(join(examples, 'README.md'), 'utf8')
    const linked = [...list.matchAll(/^\| \[[^\]]+\]\(([^)]+)\/\)/gm)].map(([, folder]) => folder)
    expect(linked.toSorted()).toEqual(names.toSorted())
    expect(names.length).toBeGreaterThan(0)
  })

  it.each(programs.filter((name) => !isApplication(name)))(
    '%s: the built program ends by itself and prints what its README says',
    (name) => {
      const { status, stdout, stderr } = spawnSync(process.execPath, [programOf(name)], {
        encoding: 'utf8',
        timeout: 60_000,
      })
      expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: promised(name), stderr: '' })
    },
  )

  it.each(programs)('%s: npm start installs, builds and runs it', (name) => {
    const { scripts } = JSON.parse(readFileSync(join(examples, name, 'package.json'), 'utf8')) as { scripts: object }
    expect(scripts).toMatchObject({ start: 'node ../../scripts/example.mjs' })
  })

  it.each(programs.filter(isApplication))(
    '%s: the built program serves where its README says until it is stopped',
    async (name) => {
      const folder = mkdtempSync(join(tmpdir(), 'parlance-'))
      const env = { ...process.env, PORT: '0', DATA_DIR: folder }
      const started = spawn(process.execPath, [programOf(name)], { env })
      const ended = once(started, 'exit') as Promise<[number | null]>
      let [stdout, stderr] = ['', '']
      started.stdout.on('data', (chunk) => void (stdout += String(chunk)))
      started.stderr.on('data', (chunk) => void (stderr += String(chunk)))
      try {
        await Promise.race([once(started.stdout, 'data'), ended])
        expect({ stdout: stdout.replaceAll(/:\d+/g, ':3000'), stderr }).toEqual({ stdout: promised(name), stderr: '' })
        expect((await fetch(/http:[^,\s]+/.exec(stdout)![0])).status).toBe(200)
        started.kill('SIGTERM')
        expect(await ended).toEqual([0, null])
      } finally {
        started.kill('SIGKILL')
        await ended
        rmSync(folder, { recursive: true })
      }
    },
  )
})
