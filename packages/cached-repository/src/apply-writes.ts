import { type Count, InvalidArgumentError } from '@parlance/core'
import type { StaleKeys } from './entity/dependents.ts'
import type { RepositoryParts } from './entity-repository.ts'
import type { Announced, EntityWrite, WriteEffects, WriteOutcome } from './entity-store.ts'

const maxWritesPerCall: Count = 10_000

/** The effects of one step, and what is left to do after it. */
export interface AppliedEffects extends WriteEffects {
  /** Resolves when no read of this process can see what was there before; the store may have seen to it already. */
  finish(): Promise<void>
}

/** What follows from writes, by the declarations of their entities. `writes` only where their order is known. */
export function effectsOf(
  { store, invalidation, dependentsOf, spreader }: Omit<RepositoryParts, 'lists' | 'reads'>,
  announced: readonly Announced[],
  writes: readonly EntityWrite[] = [],
): AppliedEffects {
  const stale: StaleKeys = { shared: new Set(), local: new Set() }
  let isSpread = false
  let isStoresTask = false
  return {
    // What has no name in the caches has to be refused while the write can still be undone.
    changes: (schema, before, after) => {
      dependentsOf(schema).stale(before, after, stale)
      return dependentsOf(schema).changes(before, after, dependentsOf)
    },
    spreads: (schema, before, after) => {
      const requests = dependentsOf(schema).spreads(before, after, dependentsOf)
      for (const request of requests) spreader.know(request.schema)
      isSpread ||= requests.length > 0
      return requests
    },
    committed: (done) => {
      // Only who alone writes is told of all writes, and in their order.
      const patches = !store.soleWriter
        ? []
        : done.flatMap(({ before, after }, index) =>
            dependentsOf(writes[index]!.schema).patches(before?.row, after?.row),
          )
      invalidation.begin(stale, patches)
      if (isSpread) spreader.wake()
    },
    told: () => {
      isStoresTask = true
      return invalidation.deliver(stale)
    },
    announced,
    finish: async () => {
      if (!isStoresTask) await invalidation.finish(stale)
    },
  }
}

/**
 * Applies checked writes, of one entity or of several, in one atomic step with all that follows from them.
 *
 * Resolves once the step is durable and no read of this process can see what was there before. When it rejects, nothing was
 * written.
 */
export async function applyWrites(
  parts: RepositoryParts,
  writes: readonly EntityWrite[],
  announced: readonly Announced[] = [],
): Promise<readonly WriteOutcome[]> {
  if (writes.length > maxWritesPerCall)
    throw new InvalidArgumentError(`${writes.length} writes in one call; it takes ${maxWritesPerCall}: split the call`)
  if (writes.length === 0 && announced.length === 0) return []
  const effects = effectsOf(parts, announced, writes)
  const outcomes = await parts.store.apply(writes, effects)
  await effects.finish()
  return outcomes
}
