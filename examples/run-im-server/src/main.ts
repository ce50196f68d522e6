import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { exchangeAMessage } from './exchange-a-message.ts'

// A folder that is thrown away, so that every run prints the same; yours would stay.
const folder = mkdtempSync(join(tmpdir(), 'parlance-'))
try {
  await exchangeAMessage(folder, console.log)
} finally {
  rmSync(folder, { recursive: true })
}
