export { Entity } from './entity.ts'
export { Field, type FieldOptions } from './field.ts'
