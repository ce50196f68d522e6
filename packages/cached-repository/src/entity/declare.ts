import { buildSchema } from './build-schema.ts'
import { declaredFields } from './class-fields.ts'
import type { FieldOf, RowOf } from './field.ts'
import type { ReservedName } from './reserved-names.ts'
import type { ScalarNames } from './row.ts'
import type { Entity } from './schema.ts'
import type { View, ViewKinds } from './view.ts'

/** Views by name; a view called like a repository method does not compile. */
export type Views = Readonly<Record<string, View<unknown>>> & { readonly [N in ReservedName]?: never }

/** Key and views of an entity. */
export interface EntityDeclaration<R, K extends ScalarNames<R>, V> {
  /** The fields that together name a row; they never change. */
  readonly key: readonly K[]
  readonly views?: (view: ViewKinds<R, K>) => V
}

/**
 * Declares the entity of a class whose fields are decorated with `@Entity` and `@Field`.
 *
 * @throws {@link DeclarationError} when class, key or views cannot work; the message names class, field and cure.
 */
export function entity<R extends object, const K extends ScalarNames<R>, V extends Views = {}>(
  type: abstract new () => R,
  declaration: EntityDeclaration<R, K, V>,
): Entity<R, K, V> {
  const { name, fields } = declaredFields(type)
  const schema = buildSchema(name, fields, type.prototype as object, declaration)
  return { name, schema }
}

/**
 * Declares an entity without a class; the row's type follows from `fields`.
 *
 * @throws {@link DeclarationError} when name, fields, key or views cannot work.
 */
export function defineEntity<
  const F extends Readonly<Record<string, FieldOf<unknown>>>,
  const K extends ScalarNames<RowOf<F>>,
  V extends Views = {},
>(name: string, declaration: { readonly fields: F } & EntityDeclaration<RowOf<F>, K, V>): Entity<RowOf<F>, K, V> {
  const fields = Object.entries(declaration.fields).map(([fieldName, { type, optional, max }]) => ({
    name: fieldName,
    type,
    optional,
    max,
  }))
  return { name, schema: buildSchema(name, fields, Object.prototype, declaration) }
}
