import type { Bytes } from '@parlance/core'
import { DeclarationError } from './errors.ts'
import type { FieldSpec } from './field.ts'
import { maxKeyBytes, maxListKeyBytes } from './key-codec.ts'
import { reservedNames } from './reserved-names.ts'
import type { EntitySchema, Toucher } from './schema.ts'
import { touchName, type TouchOfMany, type TouchSpec } from './touch.ts'
import type { AnyRow } from './values.ts'
import type { ChangesSpec, ViewSpec } from './view.ts'

interface AnyView {
  readonly by: string | readonly string[]
  readonly order?: Readonly<Record<string, 'asc' | 'desc'>>
  readonly where?: AnyRow
  readonly touchedBy?: readonly { readonly spec: TouchSpec }[]
}

const list = (names: string | readonly string[]): readonly string[] => (typeof names === 'string' ? [names] : names)

const viewKinds = {
  rows: ({ by, order = {}, where = {} }: AnyView) => ({
    spec: { kind: 'rows', by: list(by), order: Object.entries(order), where } satisfies ViewSpec,
  }),
  count: ({ by, where = {} }: AnyView) => ({ spec: { kind: 'count', by: list(by), where } satisfies ViewSpec }),
  changes: ({ by, touchedBy = [] }: AnyView) => ({
    spec: { kind: 'changes', by: list(by), touchedBy: touchedBy.map(({ spec }) => spec) } satisfies ViewSpec,
  }),
}

/** Checks a declaration and makes the schema that both ways of declaring share. */
export function buildSchema(
  name: string,
  fields: readonly FieldSpec[],
  prototype: object,
  declaration: { readonly key: readonly string[]; readonly views?: ((view: never) => unknown) | undefined },
): EntitySchema {
  if (!/^[a-z][a-z0-9_]{0,62}$/.test(name))
    throw new DeclarationError(
      `'${name}' cannot name an entity: use 1 to 63 lower-case letters, digits and underscores, beginning with a letter`,
    )
  const byName = new Map<string, FieldSpec>()
  for (const spec of fields) checkField(name, spec, byName)
  if (declaration.key.length === 0) throw new DeclarationError(`entity ${name} has no key: name its key fields`)
  const key = named(name, byName, declaration.key, 'key', maxKeyBytes)
  const views = new Map<string, ViewSpec>()
  const touchers: Toucher[] = []
  const schema: EntitySchema = { name, fields: byName, key, views, touchers, prototype }
  const declared = declaration.views?.(viewKinds as never) ?? {}
  for (const [viewName, { spec }] of Object.entries(declared) as [string, { spec: ViewSpec }][]) {
    checkView(schema, viewName, spec)
    views.set(viewName, spec)
  }
  for (const [view, spec] of views) {
    if (spec.kind !== 'changes') continue
    for (const touch of spec.touchedBy) (touch.schema.touchers as Toucher[]).push({ schema, view, touch })
  }
  return schema
}

function checkField(entity: string, spec: FieldSpec, byName: Map<string, FieldSpec>): void {
  const where = `field ${spec.name} of entity ${entity}`
  if (!/^[A-Za-z][A-Za-z0-9_]{0,62}$/.test(spec.name))
    throw new DeclarationError(
      `${where} has a name that cannot be stored: use letters, digits and underscores, a letter first`,
    )
  if (spec.name in Object.prototype)
    throw new DeclarationError(`${where} has a name that every object has already: choose another`)
  for (const other of byName.keys())
    if (other.toLowerCase() === spec.name.toLowerCase())
      throw new DeclarationError(`${where} differs from ${other} by capital letters only: rename one of them`)
  if (spec.max !== undefined) {
    if (spec.type !== 'string' && spec.type !== 'json')
      throw new DeclarationError(`${where} is a ${spec.type} and has no length: leave max out`)
    if (!Number.isSafeInteger(spec.max) || spec.max < 1)
      throw new DeclarationError(`${where} has max ${spec.max}: give a whole number of at least 1`)
  }
  byName.set(spec.name, spec)
}

function scalars(
  entity: string,
  fields: ReadonlyMap<string, FieldSpec>,
  names: readonly string[],
  place: string,
): FieldSpec[] {
  if (new Set(names).size !== names.length)
    throw new DeclarationError(`${place} of entity ${entity} names a field twice: leave one out`)
  return names.map((name) => {
    const spec = fields.get(name)
    if (spec === undefined)
      throw new DeclarationError(
        `${place} of entity ${entity} names ${name}, which is not a field: declare it (@Field) or correct the name`,
      )
    if (spec.optional || spec.type === 'json')
      throw new DeclarationError(
        `${place} of entity ${entity} names ${name}, which is ${spec.optional ? 'optional' : 'JSON'}: only fields that are always present and scalar can be there`,
      )
    return spec
  })
}

/** The same for fields whose values together name something in the caches. */
function named(
  entity: string,
  fields: ReadonlyMap<string, FieldSpec>,
  names: readonly string[],
  place: string,
  maxBytes: Bytes,
): FieldSpec[] {
  const specs = scalars(entity, fields, names, place)
  const longest = specs.reduce((sum, { max = 0 }) => sum + max, specs.length - 1)
  if (longest > maxBytes)
    throw new DeclarationError(
      `${place} of entity ${entity} can have ${longest} characters by the max of its fields; it may have ${maxBytes} bytes: give ${names.join(', ')} a smaller max`,
    )
  return specs
}

function checkView(schema: EntitySchema, viewName: string, spec: ViewSpec): void {
  const place = `view ${viewName}`
  if (reservedNames.has(viewName) || !/^[A-Za-z][A-Za-z0-9_]{0,62}$/.test(viewName))
    throw new DeclarationError(`${place} of entity ${schema.name} cannot have this name: choose another`)
  if (spec.by.length === 0)
    throw new DeclarationError(`by of ${place} of entity ${schema.name} is empty: name at least one field`)
  named(schema.name, schema.fields, spec.by, `by of ${place}`, spec.kind === 'changes' ? maxListKeyBytes : maxKeyBytes)
  if (spec.kind === 'rows')
    scalars(
      schema.name,
      schema.fields,
      spec.order.map(([field]) => field),
      `order of ${place}`,
    )
  if (spec.kind === 'changes') {
    checkTouches(schema, place, spec)
    const keys = new Set(schema.key.map((field) => field.name))
    const outside = spec.by.find((field) => !keys.has(field))
    if (spec.touchedBy.length > 0 && outside !== undefined)
      throw new DeclarationError(
        `by of ${place} of entity ${schema.name} names ${outside}, which is not in the key: with touchedBy the mapped key has to say which list it belongs to`,
      )
    return
  }
  for (const field of Object.keys(spec.where)) {
    const declared = schema.fields.get(field)
    if (declared === undefined || declared.type === 'json')
      throw new DeclarationError(
        `where of ${place} of entity ${schema.name} names ${field}, which is not a scalar field: correct the name`,
      )
  }
}

function checkTouches(schema: EntitySchema, place: string, { touchedBy }: ChangesSpec): void {
  const many = touchedBy.filter((touch): touch is TouchOfMany => touch.kind === 'many')
  const names = many.map((touch) => touchName(schema.name, place, touch))
  if (new Set(names).size !== names.length)
    throw new DeclarationError(
      `touchedBy of ${place} of entity ${schema.name} says the same twice: name all fields in one touch`,
    )
  for (const { schema: other, by, fields, announce } of many) {
    const where = `touch of ${other.name} in ${place} of entity ${schema.name}`
    const own = by.map(([field]) => field)
    const its = by.map(([, source]) => source)
    if (by.length === 0 || fields?.length === 0)
      throw new DeclarationError(`${where} has no ${by.length === 0 ? 'fields that are equal' : 'fields'}: name some`)
    const sources = scalars(other.name, other.fields, [...new Set(its)], `the ${where}`)
    for (const [index, spec] of named(schema.name, schema.fields, own, `the ${where}`, maxListKeyBytes).entries()) {
      const source = sources.find(({ name }) => name === its[index])!
      if (source.type !== spec.type)
        throw new DeclarationError(
          `${where} compares ${spec.name}, a ${spec.type}, with ${source.name}, a ${source.type}: correct the names`,
        )
    }
    const unknown = fields?.find((field) => !other.fields.has(field))
    if (unknown !== undefined)
      throw new DeclarationError(`${where} names ${unknown}, which ${other.name} has not: correct the name`)
    if (announce !== undefined && [...schema.key, ...other.key].some(({ type }) => type === 'date'))
      throw new DeclarationError(`${where} announces keys with dates, which a topic cannot carry: leave announce out`)
  }
}
