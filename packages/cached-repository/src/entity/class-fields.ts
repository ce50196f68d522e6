import { DeclarationError } from './errors.ts'
import type { FieldSpec } from './field.ts'

const nameOf = Symbol.for('@parlance/cached-repository:name')
const fieldsOf = Symbol.for('@parlance/cached-repository:fields')

interface Annotated {
  [nameOf]?: string
  [fieldsOf]?: ReadonlyMap<string, FieldSpec>
}

/** What `@Entity` does: gives the class its entity's name. */
export function annotateName(type: object, name: string): void {
  Object.defineProperty(type, nameOf, { value: name })
}

/** What `@Field` does: adds a field to the class. Fields of a base class are copied first, the base is left alone. */
export function annotateField(type: object, spec: FieldSpec): void {
  const fields = new Map((type as Annotated)[fieldsOf])
  fields.set(spec.name, spec)
  Object.defineProperty(type, fieldsOf, { value: fields, configurable: true })
}

/** Name and fields of a decorated class. */
export function declaredFields(type: abstract new () => object): { name: string; fields: readonly FieldSpec[] } {
  const annotated = type as Annotated
  if (!Object.hasOwn(type, nameOf))
    throw new DeclarationError(`class ${type.name} has no entity name: decorate it with @Entity('name')`)
  return { name: annotated[nameOf]!, fields: [...(annotated[fieldsOf]?.values() ?? [])] }
}
