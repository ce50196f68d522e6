import { noMetrics, silentLogger, systemClock } from '@parlance/core'
import { applyWrites, effectsOf } from './apply-writes.ts'
import { Invalidation } from './cache/invalidation.ts'
import { LocalCache } from './cache/local-cache.ts'
import { ReadPath } from './cache/read-path.ts'
import { Dependents } from './entity/dependents.ts'
import { DeclarationError } from './entity/errors.ts'
import type { EntitySchema } from './entity/schema.ts'
import type { ViewSpec } from './entity/view.ts'
import { EntityRepository, type RepositoryParts } from './entity-repository.ts'
import type { Repositories, RepositoriesOptions } from './repositories.ts'
import { Spreader } from './spread/spreader.ts'
import { JournalRepository } from './stream/journal-repository.ts'
import { gatherWrites } from './together.ts'
import { TailCache } from './stream/tail-cache.ts'

const defaultLocalBytes = 64 * 1024 * 1024
const defaultTtlMs = 60_000
/** Keys that this process wrote and has not read since. */
const maxAbsentKeys = 20_000
const defaultSharedTtlMs = 12 * 60 * 60 * 1000

/**
 * Gives declared entities and streams their repositories, on the given store, caches, change lists and channel.
 *
 * An entity's table and indexes are made when it is first asked for. What touches another entity (`touchedBy`) is known as soon
 * as that entity's declaration has been evaluated: load all declarations before the first write.
 */
export function createRepositories(options: RepositoriesOptions): Repositories {
  const { store, lists, cache, channel } = options
  const { clock = systemClock, metrics = noMetrics, logger = silentLogger, random = Math.random } = options
  const { maxBytes = defaultLocalBytes, ttlMs = defaultTtlMs, tailMaxBytes = defaultLocalBytes } = options.local ?? {}
  const skip = (entity: string, view: string) => options.faults?.skipInvalidation?.(entity, view) ?? false
  const local = new LocalCache({ maxBytes, ttlMs, clock, metrics, random })
  const reads = new ReadPath(
    local,
    cache,
    options.sharedTtlMs ?? defaultSharedTtlMs,
    store.soleWriter ? 0 : maxAbsentKeys,
  )
  const own = { invalidate: (keys: readonly string[]) => local.drop(keys), flush: () => local.flush() }
  const invalidation = new Invalidation(reads, { cache, channel, own, clock, logger, metrics })
  const unsubscribe = channel.subscribe(own)
  const dependents = new Map<EntitySchema, Dependents>()
  const dependentsOf = (schema: EntitySchema): Dependents => {
    let known = dependents.get(schema)
    if (known === undefined) {
      known = new Dependents(schema, skip)
      dependents.set(schema, known)
    }
    return known
  }
  const spreader = new Spreader({ store, dependentsOf, clock, logger, metrics })
  const parts: RepositoryParts = { store, lists, reads, invalidation, dependentsOf, spreader }
  store.succeed?.({ effectsOf: (announced) => effectsOf(parts, announced), wake: () => spreader.wake() })
  const tails = new TailCache({ maxBytes: tailMaxBytes, metrics })
  const known = new Map<string, { schema: object; repository: unknown }>()
  const once = <T>(kind: string, schema: { readonly name: string }, make: () => T): T => {
    const name = `${kind} ${schema.name}`
    const existing = known.get(name)
    if (existing === undefined) {
      const repository = make()
      known.set(name, { schema, repository })
      return repository
    }
    if (existing.schema !== schema) throw new DeclarationError(`${name} is declared twice: give one another name`)
    return existing.repository as T
  }
  const repositoryOf = ({ schema }: { readonly schema: EntitySchema }): EntityRepository =>
    once('entity', schema, () => {
      store.open(schema)
      spreader.know(schema)
      return withViews(new EntityRepository(schema, parts), schema)
    })
  return {
    of: (entity) => repositoryOf(entity) as never,
    async together(gather) {
      const { writes, announced } = gatherWrites(repositoryOf, gather)
      await applyWrites(parts, writes, announced)
    },
    ofStream: ({ schema }) =>
      once('stream', schema, () => {
        const repository = new JournalRepository(schema, { store: options.streams, reads, tails })
        const views = [...schema.last.keys()].map((view) => [view, repository.lastMethod(view)])
        return Object.assign(repository, Object.fromEntries(views))
      }) as never,
    whenSpread: () => spreader.idle(),
    close() {
      spreader.close()
      unsubscribe()
      invalidation.close()
    },
  }
}

function withViews(repository: EntityRepository, schema: EntitySchema): EntityRepository {
  const methodOf = (view: string, kind: ViewSpec['kind']): unknown => {
    if (kind === 'rows') return repository.rowsMethod(view)
    return kind === 'count' ? repository.countMethod(view) : repository.changesMethod(view)
  }
  const methods = [...schema.views].map(([view, { kind }]) => [view, methodOf(view, kind)])
  return Object.assign(repository, Object.fromEntries(methods))
}
