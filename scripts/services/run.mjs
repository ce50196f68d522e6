import { spawn } from 'node:child_process'
import { root } from '../setup.mjs'

const shownLines = 16

/** Runs a command out of sight. Resolves with `undefined`, or with what went wrong: its first and last lines. */
export function run(command, args, { timeoutMs, shell = false, env = process.env }) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], timeout: timeoutMs, shell, env })
    const lines = []
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => {
        lines.push(...String(chunk).split('\n'))
        // What went wrong stands first with some, last with others.
        if (lines.length > shownLines) lines.splice(shownLines / 2, lines.length - shownLines)
      })
    child.once('error', (error) => resolve(error.message))
    child.once('close', (code, signal) => {
      const last = lines.filter((line) => line.trim() !== '').join('\n')
      resolve(code === 0 ? undefined : `${command} ended with ${code ?? signal}\n${last}`)
    })
  })
}
