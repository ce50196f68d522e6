import type { NodeOps } from '@parlance/gateway'
import type { Count } from '@parlance/core'
import { LRUCache } from 'lru-cache'
import type { Delivery, Push } from './delivery.ts'
import { pushOp } from './node-delivery.ts'
import { decodePush } from './push-codec.ts'

/** Far more than can be on their way a second time. */
const rememberedPushes: Count = 100_000

const nothing = new Uint8Array()

/**
 * Takes what other processes push to the sessions of this one.
 *
 * A message that comes a second time, because whoever pushed it could not note that it had, is left out.
 */
export function receivePushes(sessions: Delivery): NodeOps {
  const seen = new LRUCache<string, true>({ max: rememberedPushes })
  const isNew = ({ stream }: Push, seq: number, serverMsgID: string): boolean => {
    const name = seq === 0 ? serverMsgID : `${seq} ${stream}`
    if (seen.has(name)) return false
    seen.set(name, true)
    return true
  }
  return {
    async [pushOp](payload) {
      const push = decodePush(payload)
      const batch = push.batch.filter(({ seq, body }) => isNew(push, seq, body.serverMsgID))
      if (batch.length > 0) await sessions.deliver({ ...push, batch })
      return nothing
    },
  }
}
