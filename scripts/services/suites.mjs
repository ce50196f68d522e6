// Which suites need a service: their own words say so.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../setup.mjs'

const testFiles = (folder) =>
  !existsSync(folder)
    ? []
    : readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
        .map((entry) => join(entry.parentPath ?? entry.path, entry.name))

/** The packages whose tests ask for a service: `packagesWithSuitesOn('kafka')`. */
export function packagesWithSuitesOn(service) {
  // What needs all three at once asks for them together.
  const together = ['mongo', 'redis', 'kafka'].includes(service) ? '|\\btestServices\\(\\)' : ''
  const asks = new RegExp(`\\b(?:serviceURL|canStart)\\('${service}'\\)${together}`)
  const packages = join(root, 'packages')
  return readdirSync(packages).filter((name) => {
    const folder = join(packages, name, 'test')
    return name !== 'testing' && testFiles(folder).some((file) => asks.test(readFileSync(file, 'utf8')))
  })
}
