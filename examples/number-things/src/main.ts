import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { numberThings } from './number-things.ts'

// A folder that is thrown away, so that every run prints the same; yours would stay.
const folder = mkdtempSync(join(tmpdir(), 'parlance-'))
try {
  await numberThings(folder, console.log)
} finally {
  rmSync(folder, { recursive: true })
}
