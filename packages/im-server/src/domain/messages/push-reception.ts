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
      // Remembered before they are delivered: the same push may come again meanwhile, or hold a message twice.
      const batch = push.batch.filter((pushed) => {
        const name = nameOf(push, pushed)
        if (seen.has(name)) return false
        seen.set(name, true)
        return true
      })
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
