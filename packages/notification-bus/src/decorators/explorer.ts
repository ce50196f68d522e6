import { InvalidArgumentError } from '@parlance/core'
import type { Bus, Consumer } from '../bus.ts'
import type { ConsumeOptions } from '../consumption.ts'
import type { Topic } from '../topic.ts'
import { declaredConsumers } from './consume.ts'

/** The consumers that an object's class declares, bound to the object, ready for `bus.consume`. */
export function consumersOf(
  instance: object,
): { readonly topic: Topic<unknown>; readonly options: ConsumeOptions<unknown> }[] {
  return declaredConsumers(instance).map(({ method, topic, options }) => {
    const handler = Reflect.get(instance, method) as ConsumeOptions<unknown>['handler']
    return { topic, options: { ...options, handler: (batch) => handler.call(instance, batch) } }
  })
}

/**
 * Starts every consumer that an object's class declares, one after the other; when one cannot start, closes the others.
 *
 * @throws InvalidArgumentError when the class declares none.
 */
export async function registerConsumers(bus: Bus, instance: object): Promise<Consumer[]> {
  const declared = consumersOf(instance)
  if (declared.length === 0)
    throw new InvalidArgumentError(
      `${instance.constructor.name} consumes nothing: mark a method with @Consume(topic, { group })`,
    )
  const consumers: Consumer[] = []
  try {
    for (const { topic, options } of declared) consumers.push(await bus.consume(topic, options))
  } catch (error) {
    await Promise.all(consumers.map((consumer) => consumer.close()))
    throw error
  }
  return consumers
}
