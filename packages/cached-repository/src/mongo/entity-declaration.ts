import { type Mongo, MongoDuplicateError } from '@parlance/engines/mongo'
import type { IndexDescription } from 'mongodb'
import { IncompatibleStoreError } from '../entity/errors.ts'
import type { FieldSpec, FieldType } from '../entity/field.ts'
import type { EntitySchema } from '../entity/schema.ts'
import type { RowsSpec, ViewSpec } from '../entity/view.ts'

interface DeclarationDocument {
  readonly _id: string
  readonly key: readonly string[]
  /** Types of all fields that were ever declared. */
  readonly fields: Readonly<Record<string, FieldType>>
}

const declarations = 'entities.declared'

/** The collection of an entity's rows. */
export function collectionOf({ name }: EntitySchema): string {
  return `entity_${name}`
}

/**
 * Makes an entity's collection fit its declaration: checks it against what was declared before, creates missing indexes. Those of
 * views that are gone stay: a process of the version before may still need them.
 *
 * Two round trips, one or two more when fields were added.
 *
 * @throws IncompatibleStoreError when a field would have to change its type, the key differs, or rows would lack a required field.
 */
export async function prepareEntity(mongo: Mongo, schema: EntitySchema): Promise<void> {
  await Promise.all([checkDeclaration(mongo, schema), mongo.ensureIndexes(collectionOf(schema), indexesOf(schema))])
}

async function checkDeclaration(mongo: Mongo, schema: EntitySchema): Promise<void> {
  const key = schema.key.map(({ name }) => name)
  const fields = Object.fromEntries([...schema.fields.values()].map(({ name, type }) => [name, type]))
  const stored = await mongo.on<DeclarationDocument, DeclarationDocument | null>(declarations, (on) =>
    on.findOne({ _id: schema.name }),
  )
  if (stored === null) {
    try {
      await mongo.on<DeclarationDocument, unknown>(declarations, (on) =>
        on.insertOne({ _id: schema.name, key, fields }),
      )
      return
    } catch (error) {
      if (error instanceof MongoDuplicateError) return checkDeclaration(mongo, schema)
      throw error
    }
  }
  if (stored.key.join() !== key.join())
    throw incompatible(
      schema,
      `its rows are stored under the key (${stored.key.join(', ')})`,
      'keep this key, or copy the rows to a new entity',
    )
  const added: Record<string, FieldType> = {}
  for (const field of schema.fields.values()) {
    const type = stored.fields[field.name]
    if (type === undefined) added[`fields.${field.name}`] = field.type
    else if (type !== field.type)
      throw incompatible(
        schema,
        `field ${field.name} is a ${field.type}, but is stored as a ${type}`,
        'keep the old type, or give the field another name',
        field,
      )
  }
  const names = Object.keys(added)
  if (names.length === 0) return
  const required = [...schema.fields.values()].find((field) => !field.optional && `fields.${field.name}` in added)
  if (required !== undefined && (await hasRows(mongo, schema)))
    throw incompatible(
      schema,
      `field ${required.name} is new, and the rows that are stored already have none`,
      'declare it optional',
      required,
    )
  const unchanged = Object.fromEntries(names.map((name) => [name, { $exists: false }]))
  const { matchedCount } = await mongo.on(declarations, (on) =>
    on.updateOne({ _id: schema.name as never, ...unchanged }, { $set: added }),
  )
  if (matchedCount === 0) await checkDeclaration(mongo, schema)
}

async function hasRows(mongo: Mongo, schema: EntitySchema): Promise<boolean> {
  const found = await mongo.on(collectionOf(schema), (on) =>
    on.findOne({ _revision: { $exists: true } }, { projection: { _id: 1 } }),
  )
  return found !== null
}

function incompatible(schema: EntitySchema, what: string, cure: string, field?: FieldSpec): IncompatibleStoreError {
  return new IncompatibleStoreError(`entity ${schema.name} does not fit what is stored: ${what}; ${cure}`, {
    details: { entity: schema.name, field: field?.name },
  })
}

/** The indexes that answer an entity's views and the touches of many of its rows, and the one that finds old marks. */
function indexesOf(schema: EntitySchema): IndexDescription[] {
  const indexes = new Map<string, IndexDescription>()
  const add = (fields: readonly string[], order: RowsSpec['order'] = []): void => {
    const key = new Map<string, 1 | -1>(fields.map((name) => [name, 1]))
    for (const [name, direction] of order) if (!key.has(name)) key.set(name, direction === 'desc' ? -1 : 1)
    for (const { name } of schema.key) if (!key.has(name)) key.set(name, 1)
    indexes.set(JSON.stringify([...key]), { key })
  }
  for (const spec of schema.views.values()) for (const [fields, order] of needsOf(spec)) add(fields, order)
  return [...indexes.values(), { key: { '_marks.at': 1 }, sparse: true }]
}

function needsOf(spec: ViewSpec): (readonly [fields: readonly string[], order: RowsSpec['order']])[] {
  if (spec.kind === 'changes')
    return spec.touchedBy.flatMap((touch) =>
      touch.kind === 'many' ? [[touch.by.map(([field]) => field), []] as const] : [],
    )
  return [[[...spec.by, ...Object.keys(spec.where)], spec.kind === 'rows' ? spec.order : []]]
}
