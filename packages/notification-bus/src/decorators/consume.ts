import 'reflect-metadata'
import type { Batch, ConsumeOptions } from '../consumption.ts'
import type { Topic } from '../topic.ts'

/** How a decorated method consumes; without the handler, which is the method. */
export type ConsumeDeclaration<T> = Omit<ConsumeOptions<T>, 'handler'>

/** A method of a class and what it consumes; messages are as the topic's schema makes them. */
export interface DeclaredConsumer {
  readonly method: string | symbol
  readonly topic: Topic<unknown>
  readonly options: ConsumeDeclaration<unknown>
}

const metadataKey = Symbol.for('@parlance/notification-bus:consumers')

/** Marks a method as the consumer of a topic: the same as `bus.consume(topic, { ...options, handler })`. */
export function Consume<T>(topic: Topic<T>, options: ConsumeDeclaration<T>) {
  return (
    prototype: object,
    method: string | symbol,
    _descriptor: TypedPropertyDescriptor<(batch: Batch<T>) => Promise<void>>,
  ): void => {
    const declared: DeclaredConsumer = { method, topic: topic as Topic<unknown>, options }
    Reflect.defineMetadata(metadataKey, [...declaredConsumers(prototype), declared], prototype)
  }
}

/** What a prototype and those it inherits from declare; a class's own declarations never leak into its base. */
export function declaredConsumers(prototype: object): readonly DeclaredConsumer[] {
  return (Reflect.getMetadata(metadataKey, prototype) as readonly DeclaredConsumer[] | undefined) ?? []
}
