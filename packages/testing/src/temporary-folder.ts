import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A folder of a test's own, gone when the test is over. */
export interface TemporaryFolder extends Disposable {
  readonly path: string
  remove(): void
}

/** Makes an empty folder under the system's temporary directory. */
export function temporaryFolder(): TemporaryFolder {
  const path = mkdtempSync(join(tmpdir(), 'parlance-'))
  const remove = (): void => rmSync(path, { recursive: true, force: true })
  return { path, remove, [Symbol.dispose]: remove }
}
