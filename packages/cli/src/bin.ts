#!/usr/bin/env node
import { run } from './program.ts'
import { processTerminal } from './terminal.ts'

const code = await run(process.argv.slice(2), processTerminal())
// An answer that could not be written has failed, whatever was done.
if (code !== undefined) process.exitCode ??= code
