import 'reflect-metadata'
import type { Count } from '@parlance/core'
import { annotateField } from '../entity/class-fields.ts'
import { DeclarationError } from '../entity/errors.ts'
import type { FieldType } from '../entity/field.ts'

/** What can be said about a field besides its TypeScript type. */
export interface FieldOptions {
  /** Needed where the type is not plainly `string`, `number`, `boolean` or `Date`: unions, optional and nullable fields, objects. */
  readonly type?: FieldType
  /** The field may be absent from a row. */
  readonly optional?: boolean
  /**
   * Longest string in UTF-16 units; for JSON, the most bytes of its text. Without it, 64 KiB bound the field.
   *
   * The fields of a key, or of the `by` of a list or count, may have 896 bytes together, those of the `by` of a change list
   * 400: a larger `max` is refused at boot, a longer value when it is written.
   */
  readonly max?: Count
}

/** Decorates a property that is always present; an optional one does not compile, because at run time nothing tells them apart. */
export type RequiredFieldDecorator = <T extends object, N extends string>(
  target: T,
  property: N & ({} extends Pick<T, N & keyof T> ? never : N),
) => void

const inferred = new Map<unknown, FieldType>([
  [String, 'string'],
  [Number, 'number'],
  [Boolean, 'boolean'],
  [Date, 'date'],
])

/**
 * Makes a property a field of the class's entity.
 *
 * @throws {@link DeclarationError} at boot when the type is neither given nor one of the four that can be inferred.
 */
export function Field(options: FieldOptions & { readonly optional: true }): PropertyDecorator
export function Field(options?: FieldOptions & { readonly optional?: false }): RequiredFieldDecorator
export function Field({ type, optional = false, max }: FieldOptions = {}): PropertyDecorator {
  return (target, property) => {
    const owner = target.constructor
    const kind = type ?? inferred.get(Reflect.getMetadata('design:type', target, property))
    if (kind === undefined)
      throw new DeclarationError(
        `the type of field ${String(property)} of class ${owner.name} cannot be inferred: give it, for example @Field({ type: 'json' })`,
      )
    annotateField(owner, { name: String(property), type: kind, optional, max })
  }
}
