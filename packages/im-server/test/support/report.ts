import { appendFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'

/** Keeps a line that a run found worth knowing; `npm test` prints them at its end. */
export function report(line: string): void {
  const folder = join(process.cwd(), 'test-artifacts')
  mkdirSync(folder, { recursive: true })
  appendFileSync(join(folder, 'report.txt'), `${line}\n`)
}
