import type { Clock } from '@parlance/core'

import type { Mark, Target } from './messages.ts'
import type { Shape } from './workload.ts'

/** What every workload is given. */
export interface LoadContext {
  readonly clock: Clock
  readonly target: Target
  readonly shape: Shape
  /** Tells the runner where the run is; resolves when it has measured the server. */
  mark(mark: Mark, window?: number): Promise<void>
}
