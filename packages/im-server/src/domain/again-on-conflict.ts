import { RowConflictError, RowNotFoundError } from '@parlance/cached-repository'
import type { Count } from '@parlance/core'
import { contended } from './refusals.ts'

/** Each failed try means that somebody else's write succeeded. */
const usualAttempts: Count = 20

/**
 * Runs a rule that reads, decides and writes on condition; again from the start when a row was written meanwhile.
 *
 * The rule has to read from the store: the write it lost to may not have been announced yet.
 *
 * @throws {@link ImError} 1801 when it lost every time; nothing was written then. What the rule itself throws passes through.
 */
export async function againOnConflict<T>(rule: () => Promise<T>, maxAttempts = usualAttempts): Promise<T> {
  for (let attempt = 1; attempt <= maxAttempts; attempt++) {
    try {
      return await rule()
    } catch (error) {
      if (!(error instanceof RowConflictError || error instanceof RowNotFoundError)) throw error
    }
  }
  throw contended()
}
