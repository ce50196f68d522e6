import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type TemporaryFolder, temporaryFolder } from '@parlance/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Parlance } from './support/parlance.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const compose = readFileSync(join(root, 'packages/cli/deploy/compose.yaml'), 'utf8')

/** Writes down how it was called, and ends as it is told. */
const fakeDocker = (said: string, code: number): string => `#!${process.execPath}
const given = process.argv.slice(2).join(' ')
require('node:fs').appendFileSync(${JSON.stringify(said)}, given + '\\n')
process.exit(/ (up|down) /.test(given + ' ') ? ${code} : 0)
`

describe('parlance, with other tools', () => {
  let parlance: Parlance
  let folder: TemporaryFolder

  beforeEach(() => {
    parlance = new Parlance()
    folder = temporaryFolder()
  })
  afterEach(async () => {
    await parlance.end()
    folder.remove()
  })

  function docker(code: number): { readonly environment: NodeJS.ProcessEnv; said: () => string[] } {
    const said = join(folder.path, 'said')
    const program = join(folder.path, 'docker')
    writeFileSync(program, fakeDocker(said, code))
    chmodSync(program, 0o755)
    return {
      environment: { PATH: [folder.path, process.env['PATH']].join(delimiter) },
      said: () => (existsSync(said) ? readFileSync(said, 'utf8').trim().split('\n') : []),
    }
  }

  it.each(['up', 'down'])('%s without docker: the cure, and exit code 1', async (command) => {
    const { code, err } = await parlance.call([command], { PATH: folder.path })
    expect(code).toBe(1)
    expect(err).toMatch(/^parlance: docker is not installed: install Docker .*PARLANCE_MONGO_URL/)
  })

  it.skipIf(process.platform === 'win32')('up waits until all is healthy and says the settings', async () => {
    const { environment, said } = docker(0)
    const { code, out } = await parlance.call(['up'], environment)
    expect(code).toBe(0)
    expect(out).toContain('PARLANCE_REDIS_URL=redis://127.0.0.1:6379')
    expect(said().at(-1)).toMatch(/^compose -f .*compose\.yaml up -d --wait --wait-timeout 180$/)
    await parlance.call(['down'], environment)
    expect(said().at(-1)).toMatch(/ down$/)
    await parlance.call(['down', '--volumes'], environment)
    expect(said().at(-1)).toMatch(/ down --volumes$/)
  })

  it.skipIf(process.platform === 'win32')('up fails as docker does', async () => {
    const { code, err } = await parlance.call(['up'], docker(14).environment)
    expect(code).toBe(1)
    expect(err).toMatch(/docker compose failed \(exit code 14\).*logs/)
  })

  it('doctor says what cannot be reached, never a password', async () => {
    const { code, out } = await parlance.call(['doctor'], {
      PARLANCE_MONGO_URL: 'mongodb://ada:hunter2@127.0.0.1:1/x',
      PARLANCE_REDIS_URL: 'redis://127.0.0.1:1',
      PARLANCE_KAFKA_BROKERS: '127.0.0.1:1',
    })
    expect(code).toBe(1)
    expect(out).toMatch(
      /^wrong +MongoDB +127\.0\.0\.1:1: nobody listens there: start it.* or correct PARLANCE_MONGO_URL$/m,
    )
    expect(out).toMatch(/^ok +configuration +valid$/m)
    expect(out).not.toContain('hunter2')
  })

  it('build builds the workspace a folder lies in, and says when it cannot', async () => {
    const deep = join(folder.path, 'src')
    mkdirSync(deep)
    const outside = await parlance.call(['build', deep])
    expect(outside).toMatchObject({ code: 1, err: expect.stringContaining('is in no TypeScript workspace') as string })
    writeFileSync(join(folder.path, 'package.json'), '{"type":"module"}')
    writeFileSync(
      join(folder.path, 'tsconfig.json'),
      '{"compilerOptions":{"outDir":"dist","rootDir":"src"},"include":["src"]}',
    )
    writeFileSync(join(deep, 'one.ts'), 'export const one: number = 1\n')
    const bare = await parlance.call(['build', deep])
    expect(bare).toMatchObject({ code: 1, err: expect.stringContaining('TypeScript is not installed') as string })
    mkdirSync(join(folder.path, 'node_modules'))
    symlinkSync(join(root, 'node_modules/typescript'), join(folder.path, 'node_modules/typescript'), 'junction')
    const built = await parlance.call(['build', deep])
    expect(built.out).toMatch(/^built in /)
    expect(readFileSync(join(folder.path, 'dist/one.js'), 'utf8')).toContain('one = 1')
    writeFileSync(join(deep, 'one.ts'), "export const one: number = 'one'\n")
    const wrong = await parlance.call(['build', deep])
    expect(wrong.code).not.toBe(0)
    expect(wrong.out).toContain('not built: see above')
  })
})

describe('the compose file', () => {
  const services = [...compose.matchAll(/^ {2}(\w+):\n {4}image: (\S+)\n([^]*?)(?=\n\n)/gm)]

  it('has MongoDB, Redis and Kafka in versions that are named, checked, kept, and seen from this machine only', () => {
    expect(services.map(([, name]) => name)).toEqual(['mongo', 'redis', 'kafka'])
    for (const [, name, image, rest] of services) {
      expect(image).toMatch(/^[\w/]+:\d+\.\d+\.\d+$/)
      expect(rest).toContain('healthcheck:')
      expect(rest).toMatch(new RegExp(`volumes: \\['${name}:/`))
      for (const [, port] of rest!.matchAll(/ports: \['([^']*)'/g)) expect(port).toMatch(/^127\.0\.0\.1:(\d+):\1$/)
    }
  })

  it('has the Kafka that the tests run on', () => {
    const [, tested] = /<version>([\d.]+)<\/version>\s*<\/dependency>/.exec(
      readFileSync(join(root, 'scripts/services/kafka/pom.xml'), 'utf8'),
    )!
    expect(compose).toContain(`apache/kafka:${tested}\n`)
  })

  it('is part of the package', () => {
    const manifest = readFileSync(join(root, 'packages/cli/package.json'), 'utf8')
    expect((JSON.parse(manifest) as { files: string[] }).files).toContain(dirname('deploy/compose.yaml'))
  })
})
