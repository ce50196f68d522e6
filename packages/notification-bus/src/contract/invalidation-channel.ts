import { deepEqual, rejects } from 'node:assert/strict'
import { defineContract } from '@parlance/testing'
import type { InvalidationChannel, InvalidationReceiver } from '../invalidation-channel.ts'

interface Heard extends InvalidationReceiver {
  readonly heard: string[]
}

const receiver = (onInvalidate: () => void = () => undefined): Heard => {
  const heard: string[] = []
  return {
    heard,
    invalidate(keys) {
      heard.push(...keys)
      onInvalidate()
    },
    flush: () => void heard.push('flush'),
  }
}

/** What every driver of {@link InvalidationChannel} must do. */
export const invalidationChannelContract = defineContract<InvalidationChannel>()('InvalidationChannel', {
  'every receiver of the process has dropped the keys when publish resolves': async (channel) => {
    const receivers = [receiver(), receiver()]
    for (const one of receivers) channel.subscribe(one)
    await channel.publish(['a', 'b'])
    await channel.publish(['c'])
    for (const { heard } of receivers) deepEqual(heard, ['a', 'b', 'c'])
  },
  'a publisher may leave out its own receiver': async (channel) => {
    const [own, other] = [receiver(), receiver()]
    channel.subscribe(own)
    channel.subscribe(other)
    await channel.publish(['a'], own)
    await channel.publish(['b'])
    deepEqual([own.heard, other.heard], [['b'], ['a', 'b']])
  },
  'one that unsubscribed hears nothing more, however often it does so': async (channel) => {
    const gone = receiver()
    const stays = receiver()
    const unsubscribe = channel.subscribe(gone)
    channel.subscribe(stays)
    unsubscribe()
    unsubscribe()
    await channel.publish(['a'])
    deepEqual([gone.heard, stays.heard], [[], ['a']])
  },
  'one that fails to drop keys is told to flush, and the others are told all the same': async (channel) => {
    const broken = receiver(() => {
      throw new Error('broken receiver')
    })
    const fine = receiver()
    channel.subscribe(broken)
    channel.subscribe(fine)
    await rejects(channel.publish(['a']), /broken receiver/)
    deepEqual([broken.heard, fine.heard], [['a', 'flush'], ['a']])
  },
})
