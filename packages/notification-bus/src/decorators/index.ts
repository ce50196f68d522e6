export { Consume, type ConsumeDeclaration, type DeclaredConsumer } from './consume.ts'
export { consumersOf, registerConsumers } from './explorer.ts'
