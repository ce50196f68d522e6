import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CliError } from '../cli-error.ts'
import { runTool } from '../run-tool.ts'
import { findUpwards } from '../workspace.ts'

const runner = 'scripts/bench.mjs'

/** Runs the benchmarks of the checkout that this folder, or this program, lies in. Returns their exit code. */
export async function bench(given: readonly string[]): Promise<number> {
  const files = [runner, 'benchmarks/package.json']
  const root = findUpwards(process.cwd(), files) ?? findUpwards(fileURLToPath(new URL('.', import.meta.url)), files)
  if (root === undefined)
    throw new CliError(
      "the benchmarks are part of Parlance's repository, not of its packages: check it out and run 'parlance bench', or 'npm run bench', in it",
    )
  const { code } = await runTool(process.execPath, [join(root, runner), ...given], root)
  return code
}
