import { settle, VirtualClock } from '@parlance/testing'
import { expect, it } from 'vitest'
import { UploadSweeper } from '../src/domain/objects/upload-sweeper.ts'

it('sweeps at its start and every ten minutes, also after one that failed, until it is stopped', async () => {
  const clock = new VirtualClock()
  const logged: string[] = []
  const log = (message: string): void => void logged.push(message)
  let count = 0
  const sweep = async (): Promise<number> => {
    if (++count === 2) throw new Error('the disk is gone')
    return count - 1
  }
  const logger = { error: log, warn: log, info: log, debug: log }
  const sweeper = new UploadSweeper({ uploads: { sweep }, logger, clock })
  sweeper.start()
  await settle()
  expect(count).toBe(1)
  await clock.advance(599_999)
  expect(count).toBe(1)
  await clock.advance(1)
  expect(count).toBe(2)
  await clock.advance(600_000)
  expect(count).toBe(3)
  expect(logged).toEqual(['uploads could not be swept', 'uploads that were not completed in time are removed'])
  await sweeper.stop()
  await clock.advance(600_000)
  expect([count, clock.pendingCount]).toEqual([3, 0])
})

it('waits at its stop for the sweep under way, and begins no other', async () => {
  const clock = new VirtualClock()
  let end: () => void = () => undefined
  const sweeper = new UploadSweeper({
    uploads: { sweep: () => new Promise((resolve) => (end = () => resolve(0))) },
    clock,
  })
  sweeper.start()
  let isStopped = false
  const stopping = sweeper.stop().then(() => (isStopped = true))
  await settle()
  expect(isStopped).toBe(false)
  end()
  await stopping
  expect(clock.pendingCount).toBe(0)
})
