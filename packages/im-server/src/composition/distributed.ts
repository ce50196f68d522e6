import { createGatewayClient } from '@parlance/gateway'
import type { FrameReply } from '@parlance/openim-protocol'
import { AcceptingOutbox } from '../domain/messages/accepting-outbox.ts'
import { LagAdmission } from '../domain/messages/lag-admission.ts'
import { NodeDelivery } from '../domain/messages/node-delivery.ts'
import { receivePushes } from '../domain/messages/push-reception.ts'
import { SessionDelivery } from '../domain/messages/session-delivery.ts'
import { RecentlyToldHeads } from '../domain/messages/told-heads.ts'
import { endWithdrawnSessions } from '../ws/gateway.ts'
import type { Services } from './services.ts'
import { type Composition, token } from './token.ts'
import { parts } from './tokens.ts'

const lagAdmission = token<LagAdmission>('lagAdmission')

/** A process among others, on services that they share. */
export function provideDistributed(composition: Composition, services: Services): void {
  const { backing, cluster, lag } = services
  composition
    .provide(parts.backing, (c) => ({
      ...backing,
      async close() {
        await c.get(lagAdmission).stop()
        await backing.close()
      },
    }))
    .provide(parts.cluster, () => ({ of: cluster }))
    .provide(lagAdmission, (c) => {
      const admission = new LagAdmission({
        limit: c.get(parts.pushBacklogMessages),
        lag,
        clock: c.get(parts.clock),
        logger: c.get(parts.logger),
        metrics: c.get(parts.metrics),
      })
      admission.start()
      return admission
    })
    .provide(parts.admission, (c) => c.get(lagAdmission))
    .provide(parts.toldHeads, (c) => new RecentlyToldHeads(c.get(parts.clock)))
    .provide(parts.outbox, (c) => new AcceptingOutbox(c.get(parts.bus), c.get(parts.admission)))
    .provide(parts.delivery, (c) => new NodeDelivery(cluster.registry, cluster.client, c.get(parts.logger)))
    .provide(parts.sessions, (c) => {
      if (cluster.host !== undefined) return c.get(parts.gateway)
      const { registry, client } = cluster
      const sessions = createGatewayClient<FrameReply>({ registry, client, clock: c.get(parts.clock) })
      endWithdrawnSessions(c.get(parts.tokens), sessions, c.get(parts.logger))
      return sessions
    })
  cluster.host?.serve(
    receivePushes({
      deliver: (push) =>
        new SessionDelivery(
          composition.get(parts.gateway),
          composition.get(parts.toldHeads),
          composition.get(parts.syncingSessions),
          composition.get(parts.logger),
        ).deliver(push),
    }),
  )
}
