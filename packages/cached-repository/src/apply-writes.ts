import { type Count, InvalidArgumentError } from '@parlance/core'
import type { StaleKeys } from './entity/dependents.ts'
import type { RepositoryParts } from './entity-repository.ts'
import type { Announced, EntityWrite, WriteOutcome } from './entity-store.ts'

const maxWritesPerCall: Count = 10_000

/**
 * Applies checked writes, of one entity or of several, in one atomic step with all that follows from them.
 *
 * Resolves once the step is durable and no read of this process can see what was there before. When it rejects, nothing was
 * written.
 */
export async function applyWrites(
  { store, invalidation, dependentsOf, spreader }: RepositoryParts,
  writes: readonly EntityWrite[],
  announced: readonly Announced[] = [],
): Promise<readonly WriteOutcome[]> {
  if (writes.length > maxWritesPerCall)
    throw new InvalidArgumentError(`${writes.length} writes in one call; it takes ${maxWritesPerCall}: split the call`)
  if (writes.length === 0 && announced.length === 0) return []
  const stale: StaleKeys = { shared: new Set(), local: new Set() }
  let isSpread = false
  const outcomes = await store.apply(writes, {
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
    announced,
  })
  await invalidation.finish(stale)
  return outcomes
}
