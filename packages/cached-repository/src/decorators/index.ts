export { Entity } from './entity.ts'
export { Field, type FieldOptions, type RequiredFieldDecorator } from './field.ts'
