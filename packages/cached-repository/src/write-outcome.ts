import { RowConflictError, RowNotFoundError } from './entity/errors.ts'
import type { EntitySchema } from './entity/schema.ts'
import type { RowCodec } from './entity/row-codec.ts'
import type { AnyRow } from './entity/values.ts'
import type { EntityWrite, StoredRow, WriteOutcome } from './entity-store.ts'

/** What names the row that a write is about. */
export function rowOrKeyOf(write: EntityWrite): AnyRow {
  return write.kind === 'put' || write.kind === 'insert' ? write.row : write.key
}

/** Tells whether a write only looks at its row. */
export const isCondition = ({ kind }: EntityWrite): boolean => kind === 'require' || kind === 'check'

/**
 * What a write makes of its row as it is; the same in every store.
 *
 * @throws {@link RowConflictError} or {@link RowNotFoundError} when the row is not as the write asks; what a condition throws.
 */
export function outcomeOf(write: EntityWrite, before: StoredRow | undefined, rows: RowCodec): WriteOutcome {
  if (write.kind === 'require') {
    assertRevision(write, before)
    return { before: undefined, after: undefined }
  }
  if (write.kind === 'check') {
    if (before === undefined) throw notFound(write.schema)
    write.condition(before.row)
    return { before: undefined, after: undefined }
  }
  if (write.kind === 'delete') {
    if (write.ifRevision !== undefined) assertRevision(write, before)
    return { before, after: undefined }
  }
  return { before, after: { row: rowAfter(write, before, rows), revision: (before?.revision ?? 0) + 1 } }
}

function rowAfter(
  write: Exclude<EntityWrite, { kind: 'delete' | 'require' | 'check' }>,
  before: StoredRow | undefined,
  rows: RowCodec,
): AnyRow {
  const { name } = write.schema
  if (write.kind === 'put') return write.row
  if (write.kind === 'insert') {
    if (before !== undefined)
      throw new RowConflictError(`a row of ${name} has this key already; nothing was inserted`, {
        details: { entity: name },
      })
    return write.row
  }
  assertRevision(write, before)
  return rows.patched(before.row, write.change)
}

function assertRevision(
  { schema, ifRevision }: { readonly schema: EntitySchema; readonly ifRevision?: number | undefined },
  before: StoredRow | undefined,
): asserts before is StoredRow {
  const { name } = schema
  if (before === undefined) throw notFound(schema)
  if (ifRevision !== undefined && ifRevision !== before.revision)
    throw new RowConflictError(
      `the row of ${name} is at revision ${before.revision}, not ${ifRevision}: read it again and repeat`,
      { details: { entity: name, revision: before.revision } },
    )
}

function notFound({ name }: EntitySchema): RowNotFoundError {
  return new RowNotFoundError(`there is no row of ${name} with this key; nothing was changed`, {
    details: { entity: name },
  })
}
