import { noMetrics, silentLogger } from '@parlance/core'
import { errorCodes } from '@parlance/openim-protocol'
import { VirtualClock } from '@parlance/testing'
import { expect, it } from 'vitest'
import { LagAdmission } from '../src/domain/messages/lag-admission.ts'

it('senders wait while delivery is far behind, as far as that is known', async () => {
  const clock = new VirtualClock()
  let lag: number | Error = 0
  const admission = new LagAdmission({
    limit: 100,
    lag: async () => {
      if (lag instanceof Error) throw lag
      return lag
    },
    clock,
    logger: silentLogger,
    metrics: noMetrics,
  })
  admission.start()
  admission.enter()
  lag = 100
  await clock.advance(1_000)
  expect(() => admission.enter()).toThrow(expect.objectContaining({ errCode: errorCodes.ServerBusyError }))
  lag = new Error('nobody answers')
  await clock.advance(1_000)
  expect(() => admission.enter()).toThrow('busy')
  lag = 99
  await clock.advance(1_000)
  admission.enter()
  await admission.stop()
  expect(clock.pendingCount).toBe(0)
})
