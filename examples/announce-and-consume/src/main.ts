import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { keepTheBooks } from './keep-the-books.ts'

// A folder that is thrown away, so that every run prints the same; yours would stay.
const folder = mkdtempSync(join(tmpdir(), 'parlance-'))
try {
  await keepTheBooks(folder, console.log)
} finally {
  rmSync(folder, { recursive: true })
}
