import { type Count, InvalidArgumentError } from '@parlance/core'
import { type Call, ExploredRun, type Scenario } from './explored-run.ts'
import { touchesCommute, type Touches } from './touches.ts'

export interface ExploreOptions {
  /** Runs to try, the ones cut short among them. @defaultValue 200 000 */
  readonly maxRuns?: Count
  /** Longer runs are violations: something goes round in circles. @defaultValue 500 */
  readonly maxSteps?: Count
}

/** What an exploration came to. */
export interface Exploration {
  /** Runs that were followed to their end. */
  readonly runs: Count
  /** Runs left on the way, because all they could still do had been seen in another order. */
  readonly cutRuns: Count
  /** True when every schedule was run, or is a mere reordering of independent steps of one that was. */
  readonly isComplete: boolean
  /** The first thing that went wrong, with the steps that lead to it. */
  readonly violation?: { readonly message: string; readonly schedule: readonly string[] }
}

/**
 * Runs a scenario under every order of its steps, depth first, and stops at the first violation.
 *
 * A step is the start of a program, a call on an intercepted port, its answer on the way back (where asked for), or an
 * event that may happen. The scenario is set up afresh for each run and must do the same when the steps are the same: time only
 * through `run.clock`, no randomness. Orders that differ only in steps which touch nothing in common are run once.
 *
 * A violation is: a program or the final check throws, programs wait for each other for ever, a run exceeds `maxSteps`.
 */
export async function explore(scenario: Scenario, options: ExploreOptions = {}): Promise<Exploration> {
  const { maxRuns = 200_000, maxSteps = 500 } = options
  if (!(maxRuns >= 1 && maxSteps >= 1)) throw new InvalidArgumentError('maxRuns and maxSteps must be 1 or more')
  const path: Branch[] = []
  let [runs, cutRuns] = [0, 0]
  while (runs + cutRuns < maxRuns) {
    const outcome = await follow(path, await ExploredRun.open(scenario), maxSteps)
    if (outcome === 'cut') cutRuns++
    else runs++
    if (typeof outcome === 'object')
      return { runs, cutRuns, isComplete: false, violation: { ...outcome, schedule: path.map(({ chosen }) => chosen) } }
    while (path.length > 0 && !turn(path.at(-1) as Branch)) path.pop()
    if (path.length === 0) return { runs, cutRuns, isComplete: true }
  }
  return { runs, cutRuns, isComplete: false }
}

/** A moment of a run at which something was chosen. */
interface Branch {
  readonly choices: readonly string[]
  /** Steps that need not be run from here, since their order against what led here does not matter. */
  readonly asleep: Map<string, Touches>
  chosen: string
}

/** Moves a branch on to its next choice. */
function turn(branch: Branch): boolean {
  const next = branch.choices.find((choice) => !branch.asleep.has(choice))
  if (next === undefined) return false
  branch.chosen = next
  return true
}

/** Repeats the choices of the path, goes on with the first choice wherever it ends, and says how that came out. */
async function follow(
  path: Branch[],
  run: ExploredRun,
  maxSteps: Count,
): Promise<'ended' | 'cut' | { readonly message: string }> {
  let asleep = new Map<string, Touches>()
  for (let depth = 0; ; depth++) {
    if (depth > maxSteps) return { message: `the run did not end within ${maxSteps} steps` }
    const calls = run.failure === undefined ? run.enabled() : undefined
    if (calls === undefined) {
      const message = await run.finish()
      return message === undefined ? 'ended' : { message }
    }
    const branch = (path[depth] ??= { choices: calls.map(({ label }) => label), asleep, chosen: '' })
    if (branch.chosen === '' && !turn(branch)) {
      path.length = depth
      return 'cut'
    }
    const call = calls.find(({ label }) => label === branch.chosen)
    if (call === undefined) throw new InvalidArgumentError(notRepeatable(branch, calls))
    const touches = await run.perform(call)
    const before = branch.asleep
    asleep = new Map([...before].filter(([, other]) => touchesCommute(other, touches)))
    if (path.length === depth + 1) before.set(branch.chosen, touches)
  }
}

function notRepeatable({ chosen }: Branch, calls: readonly Call[]): string {
  const offered = calls.map(({ label }) => label).join(', ')
  return `the scenario did not repeat itself: expected "${chosen}" among ${offered}; use run.clock and no randomness`
}
