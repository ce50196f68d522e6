import { noMetrics } from '@parlance/core'
import { errorCodes } from '@parlance/openim-protocol'
import { until } from '@parlance/testing'
import { describe, expect, it } from 'vitest'
import { PushBacklog } from '../src/domain/messages/push-backlog.ts'
import { RawClient, type RefusedRequest } from './support/raw-client.ts'
import { startServer } from './support/test-server.ts'

describe('senders wait when delivery falls behind (reference §11.13)', () => {
  it('refuses beyond its bound and takes messages again once some were pushed', () => {
    const backlog = new PushBacklog(2, noMetrics)
    backlog.enter('s')
    backlog.enter('s')
    expect(() => backlog.enter('s')).toThrow('busy delivering')
    backlog.leave('s', 1)
    expect(() => backlog.enter('s')).not.toThrow()
  })

  it('messages from before the start make no room beyond the bound', () => {
    const backlog = new PushBacklog(1, noMetrics)
    backlog.leave('s', 5)
    backlog.enter('s')
    expect(() => backlog.enter('s')).toThrow('busy delivering')
  })

  it('a sender is told 1801, nothing is stored, and sending goes on when the push has caught up', async () => {
    const server = await startServer({ pushBacklogMessages: 1 })
    await server.admin.register('ada', 'bob')
    const ada = await RawClient.connect({ ws: server.ws, userID: 'ada', token: await server.admin.userToken('ada', 5) })
    const sends = Array.from({ length: 20 }, (_, index) => ada.send(ada.text(`${index}`, { recvID: 'bob' })))
    const outcomes = (await Promise.allSettled(sends)).map((outcome) =>
      outcome.status === 'rejected' ? (outcome.reason as RefusedRequest).errCode : 0,
    )
    expect(outcomes).toContain(errorCodes.ServerBusyError)
    const stored = await ada.pullAll('si_ada_bob')
    expect(stored).toHaveLength(outcomes.filter((code) => code === 0).length)
    await until('there is room again', () => ada.send(ada.text('at last', { recvID: 'bob' })))
    ada.close()
    await server.stop()
  })
})
