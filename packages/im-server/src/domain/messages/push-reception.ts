import type { NodeOps } from '@parlance/gateway'
import type { Count } from '@parlance/core'
import { LRUCache } from 'lru-cache'
import type { Delivery, Push, Pushed } from './delivery.ts'
import { pushOp } from './node-delivery.ts'
import { decodePush } from './push-codec.ts'

/** Far more than can be on their way a second time. */
const rememberedPushes: Count = 100_000

const nothing = new Uint8Array()

/**
 * Takes what other processes push to the sessions of this one.
 *
 * A message that comes a second time, because whoever pushed it could not note that it had, is left out; one whose delivery failed
 * here is not.
 */
export function receivePushes(sessions: Delivery): NodeOps {
  const seen = new LRUCache<string, true>({ max: rememberedPushes })
  const nameOf = ({ stream }: Push, { seq, body }: Pushed): string =>
    seq === 0 ? body.serverMsgID : `${seq} ${stream}`
  return {
    async [pushOp](payload) {
      const push = decodePush(payload)
      const batch = push.batch.filter((pushed) => !seen.has(nameOf(push, pushed)))
      // Before they are delivered: the same push may come again meanwhile.
      for (const pushed of batch) seen.set(nameOf(push, pushed), true)
      try {
        if (batch.length > 0) await sessions.deliver({ ...push, batch })
      } catch (error) {
        for (const pushed of batch) seen.delete(nameOf(push, pushed))
        throw error
      }
      return nothing
    },
  }
}
