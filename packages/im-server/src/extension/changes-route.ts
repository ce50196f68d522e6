import type { Count } from '@parlance/core'
import type {
  Entity,
  FieldSpec,
  Position,
  ReadOptions,
  Repository,
  RowChanges,
  RowPage,
  View,
} from '@parlance/cached-repository'
import { z } from 'zod'
import type { Access } from '../api/access.ts'
import { optionalInt, optionalSeq, requiredText, text } from '../api/fields.ts'
import { route, type Route } from '../api/route.ts'
import { idLength } from '../domain/ids.ts'
import { positionOf } from '../domain/version-sync.ts'

/** Most changes, or rows of a list that is read from zero, in one answer. */
const maxChangesCount: Count = 200

/** Names of an entity's change lists, with the values that say which list. */
type ChangesNames<V> = {
  [N in keyof V]: V[N] extends View<(by: never) => RowChanges<infer _R, infer _K>> ? N : never
}[keyof V] &
  string
type ByOf<V, N extends keyof V> = V[N] extends View<(by: infer A) => unknown> ? A : never
/** Names of the lists of rows for the same values. */
type RowsNames<V, By> = {
  [N in keyof V]: V[N] extends View<infer M>
    ? M extends { page(by: By, ...rest: never[]): unknown }
      ? N
      : never
    : never
}[keyof V] &
  string

type PageOf = (by: unknown, range: { offset: Count; limit: Count }, options: ReadOptions) => Promise<RowPage<unknown>>

/**
 * The route of a declared change list, `/ext/<entity>/<view>`: what changed since a position, page by page.
 *
 * Body: `{ by, position?: { epoch, version }, offset? }`. Answers `{ kind: 'delta', inserted, updated, removed, position, more }`: ask again from `position`
 * while there is more. Or `{ kind: 'full', position, rows, more }` for who has no position that can be continued: forget what you have; while there is more,
 * ask with that `position` and `offset` = the rows you got; when the list changes in between, `full` begins again with another position.
 *
 * @param definition.access - who may read the list; its body is `by`.
 * @param definition.rows - the view of rows that has the whole list; without one, `full` answers have no rows.
 */
export function changesRoute<R extends object, K extends keyof R, V, const N extends ChangesNames<V>>(
  entity: Entity<R, K, V>,
  view: N,
  definition: {
    readonly repository: Repository<R, K, V>
    readonly access: Access<ByOf<V, N>>
    readonly rows?: RowsNames<V, ByOf<V, N>>
  },
): Route {
  const { repository, access, rows } = definition
  const { fields, views } = entity.schema
  const by = z.object(
    Object.fromEntries(views.get(view)!.by.map((name) => [name, schemaOf(fields.get(name)!)])),
    'must be an object',
  )
  const known = z.object({ epoch: text(idLength), version: optionalSeq }, 'must be an object').nullish()
  const methods = repository as unknown as Record<string, unknown>
  const changesOf = methods[view] as (by: unknown) => RowChanges<R, K>
  const pageOf = rows === undefined ? undefined : (methods[rows] as { page: PageOf }).page

  const full = async (list: RowChanges<R, K>, of: unknown, offset: Count, position: Position): Promise<object> => {
    if (pageOf === undefined) return { kind: 'full', position, rows: [], more: false }
    const page = await pageOf(of, { offset, limit: maxChangesCount }, { read: 'shared' })
    // Pages fit together only while nothing moves: an element that went shifts those behind it.
    const head = offset === 0 ? position : await list.position()
    if (!isSame(head, position)) return full(list, of, 0, head)
    return { kind: 'full', position, rows: page.rows, more: page.rows.length === maxChangesCount }
  }

  return route(`/ext/${entity.name}/${view}`, z.object({ by, position: known, offset: optionalInt() }), {
    access: { rule: access.rule, check: (caller, body) => access.check(caller, body.by as ByOf<V, N>) },
    async handle(_caller, { by: of, position, offset }) {
      const list = changesOf(of)
      const from = position ? positionOf({ versionID: position.epoch, version: position.version }) : undefined
      if (offset > 0 && from !== undefined) return full(list, of, offset, from)
      const delta = await list.since(from, { limit: maxChangesCount })
      return delta.kind === 'full' ? full(list, of, 0, delta.position) : delta
    },
  })
}

const isSame = (one: Position, other: Position): boolean => one.epoch === other.epoch && one.version === other.version

const maxTextLength: Count = 256

function schemaOf({ type, max }: FieldSpec): z.ZodType {
  if (type === 'number') return z.number('must be a number')
  if (type === 'boolean') return z.boolean('must be true or false')
  if (type === 'date') return z.number('must be milliseconds since 1970').transform((value) => new Date(value))
  return requiredText(0, Math.min(max ?? maxTextLength, maxTextLength))
}
