import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { isWhole, notRun } from '../scripts/services/not-run.mjs'
import { nodeProblem, scriptOf } from '../scripts/setup.mjs'

describe('starting on a Node that is too old', () => {
  it.each(['12.22.12', '18.20.8', '20.18.3'])('%s is refused in one line with the cure', (version) => {
    expect(nodeProblem(version)).toMatch(
      new RegExp(`^Parlance needs Node 20.19 or newer, this is ${version}: install a newer Node.*$`),
    )
  })

  it.each(['20.19.0', '22.13.1', '24.0.0'])('%s will do', (version) => {
    expect(nodeProblem(version)).toBeUndefined()
  })
})

describe('what a run of the checks left out', () => {
  const redis = { name: 'Redis', key: 'redis', reason: 'redis-server is missing: install it' }
  const cluster = { name: 'Redis Cluster', key: 'redisCluster', reason: 'redis-server is missing: install it' }
  const kafka = { name: 'Kafka', key: 'kafka', reason: 'java is missing: install it' }

  it('is nothing when all is there', () => {
    expect(notRun({ missing: [] })).toEqual([])
    expect(isWhole([])).toBe(true)
  })

  it('is a line for each service, with the packages and the cure, and one for what needs all of them', () => {
    const lines = notRun({ missing: [redis, cluster, kafka] })
    expect(lines).toHaveLength(4)
    expect(lines[0]).toMatch(
      /^not run: the suites on Redis \(.*\bcli, .*gateway.*rockscache\): redis-server is missing: install it$/,
    )
    expect(lines[1]).toMatch(/^not run: the suites on Redis Cluster \(.*rockscache\)/)
    expect(lines[2]).toMatch(/^not run: the suites on Kafka \(cli, .*notification-bus\): java is missing/)
    expect(lines[3]).toBe('not run: the SDKs on several processes, for want of Redis and Kafka')
    expect(isWhole([kafka])).toBe(false)
  })

  it('is not all that needs three when only a cluster is missing', () => {
    expect(notRun({ missing: [cluster] })).toHaveLength(1)
    expect(isWhole([cluster])).toBe(true)
  })

  it('names the other Node and the browser too', () => {
    const lines = notRun({ missing: [], node24Problem: 'npm has none', hasBrowser: false })
    expect(lines).toEqual([
      'not run: the embedded store on Node 24. npm has none',
      expect.stringMatching(/^not run: the web chat in a browser, .*PARLANCE_CHROMIUM/),
    ])
  })
})

it.each(['tsc', 'vite', 'oxlint', 'oxfmt'])(
  '%s is a script for Node: no shell is needed, which would cut a path at a space',
  (name) => {
    expect(scriptOf(name)).toMatch(/[/\\]bin[/\\]/)
    expect(existsSync(scriptOf(name))).toBe(true)
  },
)
