import type { AnyRow } from '../entity/values.ts'
import type { EntityWrite, ListChange, SpreadRequest, StoredRow, WriteEffects, WriteOutcome } from '../entity-store.ts'
import { sameScalar } from '../entity/field-values.ts'
import type { RowCodec } from '../entity/row-codec.ts'
import type { EntitySchema } from '../entity/schema.ts'
import { isCondition, outcomeOf, rowOrKeyOf } from '../write-outcome.ts'

/** What a plan needs to know of an entity. */
export interface Planned {
  readonly schema: EntitySchema
  readonly rows: RowCodec
  idOf(row: AnyRow): string
}

/** One row of a step: what its writes together make of it. */
export interface PlannedRow {
  readonly schema: EntitySchema
  readonly id: string
  readonly before: StoredRow | undefined
  readonly after: StoredRow | undefined
}

/** A touch that a step asks for. */
export interface PlannedSpread {
  readonly request: SpreadRequest
  /** Keys of rows that the step makes such rows only later: they do not count. */
  readonly later: () => ReadonlySet<string>
}

/** Everything that a step does, as long as its rows are as they were read. */
export interface WritePlan {
  readonly outcomes: readonly WriteOutcome[]
  readonly rows: readonly PlannedRow[]
  readonly changes: readonly ListChange[]
  readonly spreads: readonly PlannedSpread[]
}

/** Names a row among those of all entities. */
export const nameOfRow = (entity: string, id: string): string => `${entity}:${id}`

/**
 * Says what writes make of their rows, each seeing those before it, and what follows from them.
 *
 * @throws what a condition that is not met throws, and what the effects throw.
 */
export function planWrites(
  writes: readonly EntityWrite[],
  plannedOf: (schema: EntitySchema) => Planned,
  current: (schema: EntitySchema, id: string) => StoredRow | undefined,
  effects: WriteEffects,
): WritePlan {
  const rows = new Map<string, PlannedRow>()
  const written: { readonly name: string; readonly id: string; readonly outcome: WriteOutcome }[] = []
  for (const write of writes) {
    const { schema } = write
    const planned = plannedOf(schema)
    const id = planned.idOf(rowOrKeyOf(write))
    const name = nameOfRow(schema.name, id)
    const row = rows.get(name)
    const before = row === undefined ? current(schema, id) : row.after
    const outcome = outcomeOf(write, before, planned.rows)
    written.push({ name, id, outcome })
    if (!isCondition(write))
      rows.set(name, { schema, id, before: row === undefined ? before : row.before, after: outcome.after })
  }
  const changes: ListChange[] = []
  const spreads: PlannedSpread[] = []
  written.forEach(({ outcome: { before, after } }, index) => {
    if (before === undefined && after === undefined) return
    const { schema } = writes[index]!
    changes.push(...effects.changes(schema, before?.row, after?.row))
    for (const request of effects.spreads(schema, before?.row, after?.row))
      spreads.push({ request, later: () => laterRows(request, writes, written, index) })
  })
  return { outcomes: written.map(({ outcome }) => outcome), rows: [...rows.values()], changes, spreads }
}

function laterRows(
  { schema, by }: SpreadRequest,
  writes: readonly EntityWrite[],
  written: readonly { readonly id: string; readonly outcome: WriteOutcome }[],
  index: number,
): ReadonlySet<string> {
  const later = new Set<string>()
  for (let at = index + 1; at < writes.length; at++) {
    const { id, outcome } = written[at]!
    if (writes[at]!.schema === schema && !has(outcome.before?.row, by)) later.add(id)
  }
  return later
}

function has(row: AnyRow | undefined, by: AnyRow): boolean {
  return row !== undefined && Object.entries(by).every(([name, value]) => sameScalar(row[name], value))
}
