import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { CliError } from '../cli-error.ts'
import { runTool } from '../run-tool.ts'
import type { Terminal } from '../terminal.ts'
import { findUpwards } from '../workspace.ts'

/** What `parlance build` takes. */
export interface BuildOptions {
  readonly force?: boolean
}

/** Builds the TypeScript workspace that a folder lies in, with the compiler installed there. Returns the compiler's exit code. */
export async function build(from: string, { force }: BuildOptions, terminal: Terminal): Promise<number> {
  const folder = findUpwards(from, ['package.json', 'tsconfig.json'])
  if (folder === undefined)
    throw new CliError(
      `${from} is in no TypeScript workspace (no folder above has package.json and tsconfig.json): go to one, or name it`,
    )
  let compiler: string
  try {
    compiler = join(dirname(createRequire(join(folder, 'package.json')).resolve('typescript/package.json')), 'bin/tsc')
  } catch (error) {
    throw new CliError(`TypeScript is not installed in ${folder}: install the dependencies there first`, {
      cause: error,
    })
  }
  const began = performance.now()
  terminal.note(`building ${folder}…`)
  const { code } = await runTool(process.execPath, [compiler, '-b', ...(force === true ? ['--force'] : [])], folder)
  const took = ((performance.now() - began) / 1000).toFixed(1)
  terminal.say(
    code === 0 ? terminal.paint('good', `built in ${took} s`) : terminal.paint('bad', 'not built: see above'),
  )
  return code
}
