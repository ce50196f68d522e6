#!/usr/bin/env node
import { exitCodes } from './cli-error.ts'
import { run } from './program.ts'
import { processTerminal } from './terminal.ts'

// Whoever reads may have read enough: `parlance logs | head`.
process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
  process.exit(code === 'EPIPE' ? exitCodes.done : exitCodes.failed)
})
const code = await run(process.argv.slice(2), processTerminal())
if (code !== undefined) process.exitCode = code
