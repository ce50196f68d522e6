import { spawn } from 'node:child_process'

/** How a tool ended. */
export interface ToolEnding {
  readonly code: number
  /** Set when it could not be started at all. */
  readonly failure: NodeJS.ErrnoException | undefined
}

/** Runs a tool in front, on the same terminal, without a shell; signals are passed on to it. */
export function runTool(command: string, given: readonly string[], cwd = process.cwd()): Promise<ToolEnding> {
  return new Promise((resolve) => {
    const child = spawn(command, given, { cwd, stdio: 'inherit', windowsHide: true })
    const passOn = (signal: NodeJS.Signals): void => void child.kill(signal)
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, passOn)
    const end = (ending: ToolEnding): void => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, passOn)
      resolve(ending)
    }
    child.once('error', (failure) => end({ code: 1, failure }))
    child.once('exit', (code) => end({ code: code ?? 1, failure: undefined }))
  })
}
