// What a run of the checks left out, in words: a line for each, so that nobody takes less for all.
import { chromiumCure } from '../chromium.mjs'
import { packagesWithSuitesOn } from './suites.mjs'

const neededTogether = ['mongo', 'redis', 'kafka']
const lacking = (missing) => missing.filter(({ key }) => neededTogether.includes(key))

/** Whether what needs MongoDB, Redis and Kafka at once can run: `isWhole([{ key: 'kafka', … }])` is false. */
export const isWhole = (missing) => lacking(missing).length === 0

/** The lines; `missing` is what `startServices` could not start: `[{ name, key, reason }]`. */
export function notRun({ missing, node24Problem, hasBrowser = true }) {
  const suites = missing.map(
    ({ name, key, reason }) => `not run: the suites on ${name} (${packagesWithSuitesOn(key).join(', ')}): ${reason}`,
  )
  if (!isWhole(missing)) {
    const names = lacking(missing).map(({ name }) => name)
    suites.push(`not run: the SDKs on several processes, for want of ${names.join(' and ')}`)
  }
  if (node24Problem !== undefined) suites.push(`not run: the embedded store on Node 24. ${node24Problem}`)
  if (!hasBrowser) suites.push(`not run: the web chat in a browser, for want of one; ${chromiumCure}.`)
  return suites
}
