import { defineConfig } from 'vitest/config'

const conditions = ['@parlance/source']
const folders = ['packages/*', 'examples/*', 'benchmarks', '.']
const files = (pattern: string): string[] => folders.map((folder) => `${folder}/test/**/${pattern}`)
/** These take all processors there are. */
const load = files('{bench,faults,flood,fuzz,kill,reconnect}.system.test.ts')

export default defineConfig({
  oxc: { decorator: { legacy: true, emitDecoratorMetadata: true } },
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    pool: 'forks',
    silent: 'passed-only',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: { name: 'unit', include: files('*.test.ts'), exclude: ['**/*.system.test.ts', '**/node_modules/**'] },
      },
      // Whole processes, browsers, and services that are stopped.
      {
        extends: true,
        test: {
          name: 'system',
          include: files('*.system.test.ts'),
          exclude: [...load, '**/node_modules/**'],
          testTimeout: 600_000,
        },
      },
      // Kills, floods and benchmarks: one file at a time, so that they do not starve each other.
      { extends: true, test: { name: 'load', include: load, fileParallelism: false, testTimeout: 600_000 } },
      // What users of the official SDKs see, once more: on MongoDB, Redis and Kafka, with two processes of each kind.
      {
        extends: true,
        test: {
          name: 'services',
          include: ['packages/im-server/test/sdk-*.system.test.ts'],
          fileParallelism: false,
          testTimeout: 600_000,
          env: { PARLANCE_TEST_STACK: 'services' },
        },
      },
    ],
  },
})
