import { ParlanceError } from '@parlance/core'

/** What the exit codes of `parlance` mean. */
export const exitCodes = { done: 0, failed: 1, misused: 2 } as const

/** A command could not do what it was asked; the message says why and what to change. */
export class CliError extends ParlanceError {
  static override readonly code: string = 'CLI_FAILED'
}

/** A command was given words it does not know. */
export class UsageError extends CliError {
  static override readonly code = 'CLI_USAGE'
}
