import { InvalidArgumentError } from '@parlance/core'
import { json, topic, type Topic } from '@parlance/notification-bus'
import type { TouchedRows } from '../entity/touch.ts'

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null

function check<Source, Key>(value: unknown): TouchedRows<Source, Key> {
  const { source, keys } = (value ?? {}) as Partial<TouchedRows<Source, Key>>
  if (!isObject(source) || !Array.isArray(keys) || !keys.every(isObject))
    throw new InvalidArgumentError('not touched rows: publish only through a declared touch')
  return { source: source!, keys }
}

/**
 * A topic for what a `touch` of many rows announces: at most 128 keys per message, those of one changed row in order.
 *
 * `Source` and `Key` are the key fields of the two entities; the declaration that uses the topic is compiled against them.
 */
export function touchedRows<Source extends object, Key extends object>(name: string): Topic<TouchedRows<Source, Key>> {
  return topic(name, {
    schema: json((value) => check<Source, Key>(value)),
    key: ({ source }) => JSON.stringify(source).slice(0, 1_000),
  })
}
