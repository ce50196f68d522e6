import { annotateName } from '../entity/class-fields.ts'

/** Names the entity that a class's rows belong to; the name is also its table's. */
export function Entity(name: string): ClassDecorator {
  return (type) => annotateName(type, name)
}
