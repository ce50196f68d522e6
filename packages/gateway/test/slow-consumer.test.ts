import { closeCodes, type Session } from '@parlance/gateway'
import { until } from '@parlance/testing'
import { afterEach, describe, expect, it } from 'vitest'
import { Site, type TestOptions } from './harness.ts'
import { RawClient } from './raw-client.ts'

let site: Site
const open = async (options: TestOptions): Promise<Site> => (site = await Site.open(options))
afterEach(() => site.close())

const block = 'x'.repeat(256 * 1024)
const limits = { bufferedBytes: 1_048_576, hardBufferedBytes: 8_388_608 }

/** A session whose peer does not read. */
async function stalled(codec: string): Promise<{ client: RawClient; session: Session }> {
  const client = await RawClient.upgraded(site.port, 'ann', codec)
  client.socket.pause()
  const [session] = site.gateway.sessionsOf('ann')
  return { client, session: session! }
}

/** Pushes until one is not queued; returns how many were. */
async function pushUntilRefused(): Promise<number> {
  for (let n = 0; ; n++) {
    if ((await site.gateway.deliver(['ann'], { op: 'push', data: block })) === 0) return n
    await new Promise((resolve) => void setImmediate(resolve))
    if (n > 1_000) throw new Error('a peer that does not read was written to without bound')
  }
}

describe('a peer that reads too slowly', () => {
  it('loses pushes where its codec says so, stays connected, and still gets its answers', async () => {
    const dropped = { count: 0 }
    const nothing = { add: () => undefined, set: () => undefined, observe: () => undefined }
    await open({
      limits,
      metrics: {
        counter: (name) =>
          name === 'gateway_pushes_dropped_total' ? { add: (amount = 1) => void (dropped.count += amount) } : nothing,
        gauge: () => nothing,
        histogram: () => nothing,
      },
    })
    const { client, session } = await stalled('lossy')
    const queued = await pushUntilRefused()
    expect(session.bufferedBytes).toBeGreaterThan(limits.bufferedBytes)
    expect(session.bufferedBytes).toBeLessThan(limits.bufferedBytes + 2 * block.length)
    await site.gateway.deliver(['ann'], { op: 'push', data: block })
    expect(dropped.count).toBe(2)
    expect(session.send({ op: 'answer' })).toBe(true)
    client.socket.resume()
    await until('everything queued came', () => client.frames.length === queued + 1)
    expect(session.isOpen).toBe(true)
    expect(await site.gateway.deliver(['ann'], { op: 'again' })).toBe(1)
    await until('pushes come again', () => client.frames.length === queued + 2)
    client.destroy()
  })

  it('is closed where its codec says so, with a code that makes it come back, after what was queued', async () => {
    await open({ limits })
    const { client, session } = await stalled('json')
    const queued = await pushUntilRefused()
    expect(session.isOpen).toBe(false)
    expect(session.bufferedBytes).toBeLessThan(limits.bufferedBytes + 2 * block.length)
    client.socket.resume()
    expect(await client.closesWith()).toBe(closeCodes.slowConsumer)
    expect(client.frames).toHaveLength(queued + 1)
    client.destroy()
  })

  it('is closed whatever its codec says when even answers pile up', async () => {
    await open({ limits })
    const { client, session } = await stalled('lossy')
    let sent = 0
    while (session.send({ op: 'answer', data: block })) {
      sent++
      await new Promise((resolve) => void setImmediate(resolve))
      expect(session.bufferedBytes).toBeLessThan(limits.hardBufferedBytes + 2 * block.length)
    }
    client.socket.resume()
    expect(await client.closesWith()).toBe(closeCodes.slowConsumer)
    expect(client.frames).toHaveLength(sent + 1)
    client.destroy()
  })

  it('is cut off when it does not answer the close', async () => {
    await open({ limits: { ...limits, closeMs: 50 } })
    const { client } = await stalled('json')
    await pushUntilRefused()
    await until('the session is gone', () => site.gateway.sessionCount === 0)
    client.destroy()
  })

  it('holds back no more than its bound while pushes wait for an answer', async () => {
    let answer!: () => void
    await open({
      limits,
      requestKey: () => 'key',
      ops: { hold: () => new Promise<void>((resolve) => (answer = resolve)) },
    })
    const ann = await site.connect('ann', { codec: 'lossy' })
    ann.send({ op: 'hold', id: 1 })
    await until('the request has begun', () => answer)
    const [session] = site.gateway.sessionsOf('ann')
    const after = { sessionId: session!.id, requestKey: 'key' }
    let queued = 0
    while ((await site.gateway.deliver(['ann'], { op: 'push', data: block }, { after })) === 1) queued++
    expect(queued).toBe(4)
    expect(session!.bufferedBytes).toBeLessThan(limits.bufferedBytes + block.length)
    answer()
    await ann.receives(5)
    expect(ann.ops()).toEqual(['hold', ...Array.from({ length: 4 }, () => 'push')])
  })
})
