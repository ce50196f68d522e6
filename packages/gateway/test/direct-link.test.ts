import { InvalidArgumentError, OverloadedError, ParlanceError } from '@parlance/core'
import { NodeGoneError, NodeUnreachableError } from '@parlance/gateway'
import { nodeLinkContract } from '@parlance/gateway/contract'
import { runSeed, seededRandom, settle, until, VirtualClock } from '@parlance/testing'
import { describe, expect, it } from 'vitest'
import { bytes, openClient, openHost, site, text } from './link-site.ts'

nodeLinkContract('direct', {
  open: () => ({ openHost, openClient: (nodes) => openClient({ nodes }) }),
})

describe('a link that breaks', () => {
  it('is made again, and every call is begun once, in order, and answered, wherever it was cut', async () => {
    const { node, proxy, client } = await site()
    const begun: number[] = []
    node.serve({
      note: async (payload) => {
        begun.push(Number(text(payload).split(' ')[0]))
        await settle()
        return payload
      },
    })
    const random = seededRandom(runSeed())
    const answers: Promise<Uint8Array>[] = []
    const payloadOf = (number: number): string => `${number} ${'x'.repeat(number % 90)}`
    for (let number = 0; number < 600; number++) {
      answers.push(client.call('n1', 'note', bytes(payloadOf(number)), { timeoutMs: Number.POSITIVE_INFINITY }))
      if (number % 20 !== 10) continue
      const direction = number % 40 === 10 ? 'toServer' : 'toClient'
      proxy.cutAfterBytes = { [direction]: random.int(300) }
      // Not every time: some calls are made while there is no connection.
      if (number % 3 > 0) await until('it is cut', () => proxy.cutAfterBytes[direction] === undefined)
    }
    proxy.cutAfterBytes = {}
    expect((await Promise.all(answers)).map(text)).toEqual(answers.map((_, number) => payloadOf(number)))
    expect(begun).toEqual(answers.map((_, number) => number))
    expect(proxy.accepted).toBeGreaterThan(5)
  })

  it('while a call is being handled: its answer comes over the next one', async () => {
    const { node, proxy, client } = await site()
    let answer: ((payload: Uint8Array) => void) | undefined
    let begun = 0
    node.serve({ slow: () => new Promise<Uint8Array>((resolve) => ((answer = resolve), begun++)) })
    const call = client.call('n1', 'slow', bytes(''))
    await until('it is begun', () => answer)
    proxy.cut()
    answer!(bytes('done'))
    expect(text(await call)).toBe('done')
    expect(begun).toBe(1)
  })

  it('and cannot be made again in time: the caller is told that it may have been called, or was not', async () => {
    const clock = new VirtualClock()
    const { node, proxy, client } = await site({}, { clock })
    let begun = 0
    node.serve({ slow: () => new Promise<Uint8Array>(() => void begun++) })
    const sent = client.call('n1', 'slow', bytes(''), { timeoutMs: 1_000 })
    await until('it is begun', () => begun === 1)
    proxy.isDown = true
    proxy.cut()
    await until('the link is cut', () => proxy.connections === 0)
    const late = client.call('n1', 'slow', bytes(''), { timeoutMs: 1_000 })
    const errors = Promise.all([sent, late].map((call) => call.catch((error: unknown) => error as ParlanceError)))
    await clock.advance(1_000)
    expect((await errors).map((error) => error instanceof NodeUnreachableError && error.details['outcome'])).toEqual([
      'unknown',
      'not-sent',
    ])
    expect((await errors).every((error) => (error as ParlanceError).retryable)).toBe(true)
  })

  it('for good, because the node left the cluster: what waits for it ends as gone', async () => {
    const { node, proxy, cluster, client } = await site()
    let begun = 0
    node.serve({ slow: () => new Promise<Uint8Array>(() => void begun++) })
    const forever = { timeoutMs: Number.POSITIVE_INFINITY }
    const calls = [client.call('n1', 'slow', bytes(''), forever)]
    await until('it is begun', () => begun === 1)
    proxy.isDown = true
    proxy.cut()
    calls.push(client.call('n1', 'slow', bytes(''), forever))
    cluster.nodes = []
    for (const call of calls) await expect(call).rejects.toThrow(NodeGoneError)
  })

  it('and another run of the node takes its place: what the first was called for ends as gone', async () => {
    const { node, proxy, live, cluster, client } = await site()
    node.serve({ slow: () => new Promise<Uint8Array>(() => undefined), who: () => bytes('first') })
    expect(text(await client.call('n1', 'who', bytes('')))).toBe('first')
    const call = client.call('n1', 'slow', bytes(''), { timeoutMs: Number.POSITIVE_INFINITY })
    await settle()
    const second = await openHost({ ops: { who: () => bytes('second') } })
    cluster.nodes = [{ ...live, incarnation: second.incarnation, address: second.address }]
    proxy.cut()
    await expect(call).rejects.toThrow(NodeGoneError)
    expect(text(await client.call('n1', 'who', bytes('')))).toBe('second')
  })

  it('for so long that the node forgot it: what it may have begun is not sent again, and its caller is told', async () => {
    const clock = new VirtualClock()
    const { node, proxy, client } = await site({ clock })
    let begun = 0
    let missed = 0
    node.serve({ slow: () => new Promise<Uint8Array>(() => void begun++), echo: (payload) => payload })
    node.onMissed(() => missed++)
    const forever = { timeoutMs: Number.POSITIVE_INFINITY, isDelivery: true }
    const call = client.call('n1', 'slow', bytes(''), forever).catch((error: unknown) => error as ParlanceError)
    await until('it is begun', () => begun === 1)
    proxy.isDown = true
    proxy.cut()
    await until('the link is cut', () => proxy.connections === 0)
    await until('the node noticed', async () => {
      await clock.advance(120_000)
      return clock.pendingCount === 0
    })
    proxy.isDown = false
    expect((await call) as ParlanceError).toMatchObject({
      code: 'GATEWAY_NODE_UNREACHABLE',
      details: { outcome: 'unknown' },
    })
    expect(text(await client.call('n1', 'echo', bytes('next'), forever))).toBe('next')
    await until('it is told what it missed', () => missed === 1)
    expect(begun).toBe(1)
  })

  it('silently: it is noticed by the missing heartbeat, on both ends', async () => {
    const [hostClock, clientClock] = [new VirtualClock(), new VirtualClock()]
    const { node, proxy, client } = await site({ clock: hostClock }, { clock: clientClock })
    node.serve({ echo: (payload) => payload })
    await client.call('n1', 'echo', bytes(''))
    for (let beat = 0; beat < 7; beat++) {
      const before = proxy.passed
      await clientClock.advance(3_000)
      await until('the beat is answered', () => proxy.passed >= before + 2)
    }
    expect(proxy.accepted).toBe(1)
    proxy.isStuck = true
    const call = client.call('n1', 'echo', bytes('again'), { timeoutMs: Number.POSITIVE_INFINITY })
    await clientClock.advance(9_000)
    await until('the client has let go', () => proxy.connections === 0)
    proxy.isStuck = false
    await clientClock.advance(2_000)
    expect(text(await call)).toBe('again')
    proxy.isStuck = true
    await hostClock.advance(9_000)
    await until('the host has let go', () => proxy.connections === 0)
  })

  it('a node that cannot be located is tried again, and told apart from one that is gone', async () => {
    const { node, live, client: unused } = await site()
    await unused.stop()
    node.serve({ echo: (payload) => payload })
    let asked = 0
    const client = openClient({
      nodes: async () => {
        if (++asked < 3) throw new Error('the registry is away')
        return [live]
      },
    })
    expect(text(await client.call('n1', 'echo', bytes('at last')))).toBe('at last')
  })
})

describe('deliveries that were given up', () => {
  it('are told to the node as missed, behind what it was called for before, once it can be reached', async () => {
    const clock = new VirtualClock()
    const { node, proxy, client } = await site({}, { clock })
    const seen: string[] = []
    node.serve({ note: (payload) => (seen.push(text(payload)), payload) })
    node.onMissed(() => void seen.push('missed'))
    proxy.isDown = true
    const given = [1, 2].map((number) =>
      client.call('n1', 'note', bytes(`lost ${number}`), { timeoutMs: 500, isDelivery: true }),
    )
    const kept = client.call('n1', 'note', bytes('kept'), { timeoutMs: Number.POSITIVE_INFINITY })
    const errors = given.map((call) => expect(call).rejects.toThrow(NodeUnreachableError))
    await clock.advance(500)
    await Promise.all(errors)
    proxy.isDown = false
    const behind = client.call('n1', 'note', bytes('behind'), { timeoutMs: Number.POSITIVE_INFINITY })
    for (let step = 0; step < 5; step++) await clock.advance(2_000)
    await Promise.all([kept, behind])
    expect(seen).toEqual(['kept', 'missed', 'behind'])
  })

  it('and calls that are no deliveries miss nothing', async () => {
    const clock = new VirtualClock()
    const { node, proxy, client } = await site({}, { clock })
    let missed = 0
    node.serve({ echo: (payload) => payload })
    node.onMissed(() => missed++)
    proxy.isDown = true
    const lost = expect(client.call('n1', 'echo', bytes(''), { timeoutMs: 500 })).rejects.toThrow(NodeUnreachableError)
    await clock.advance(500)
    await lost
    proxy.isDown = false
    const next = client.call('n1', 'echo', bytes(''), { timeoutMs: Number.POSITIVE_INFINITY })
    await clock.advance(2_000)
    await next
    expect(missed).toBe(0)
  })
})

describe('what waits is bounded', () => {
  it('in bytes: a node that takes nothing gets no more than so much, and further calls are refused at once', async () => {
    const { node, client } = await site({}, { inFlightBytes: 10_000, waitingBytes: 20_000 })
    let begun = 0
    let missed = 0
    const answers: ((payload: Uint8Array) => void)[] = []
    node.serve({ slow: () => new Promise<Uint8Array>((resolve) => (begun++, answers.push(resolve))) })
    node.onMissed(() => missed++)
    const payload = Buffer.alloc(1_000)
    const calls = Array.from({ length: 60 }, () =>
      client.call('n1', 'slow', payload, { isDelivery: true }).then(
        () => 'answered',
        (error: unknown) => (error instanceof OverloadedError ? 'refused' : 'failed'),
      ),
    )
    await until('as much as may be is begun', () => begun === 9)
    await settle()
    expect(begun).toBe(9)
    await until('all are answered', () => {
      for (const answer of answers.splice(0)) answer(bytes(''))
      return begun >= 19 && missed > 0
    })
    const outcomes = await Promise.all(calls)
    expect(outcomes.filter((outcome) => outcome === 'answered')).toHaveLength(begun)
    expect(outcomes.filter((outcome) => outcome === 'refused')).toHaveLength(60 - begun)
  })

  it('a call that fits into no frame is refused, and so is an answer', async () => {
    const { node, client } = await site({ frameBytes: 5_000 }, { frameBytes: 5_000 })
    node.serve({ large: () => Buffer.alloc(5_000), echo: (payload) => payload })
    await expect(client.call('n1', 'echo', Buffer.alloc(5_000))).rejects.toThrow(InvalidArgumentError)
    await expect(client.call('n1', 'large', bytes(''))).rejects.toThrow('a frame takes')
    expect((await client.call('n1', 'echo', Buffer.alloc(4_900))).length).toBe(4_900)
  })

  it('a frame above the limit ends the connection before it is read, and harms nobody else', async () => {
    const { node, client } = await site({ frameBytes: 5_000 }, { frameBytes: 100_000 })
    node.serve({ echo: (payload) => payload })
    const other = openClient({
      nodes: async () => [{ name: 'n1', incarnation: node.incarnation, address: node.address }],
    })
    await other.call('n1', 'echo', bytes(''))
    await expect(client.call('n1', 'echo', Buffer.alloc(50_000), { timeoutMs: 200 })).rejects.toThrow(
      NodeUnreachableError,
    )
    expect(text(await other.call('n1', 'echo', bytes('fine')))).toBe('fine')
  })
})

it('refuses a short secret, an address that is no address, and a port that is taken', async () => {
  await expect(openHost({ secret: 'short' })).rejects.toThrow(InvalidArgumentError)
  expect(() => openClient({ secret: 'short', nodes: async () => [] })).toThrow(InvalidArgumentError)
  await expect(openHost({ host: '0.0.0.0' })).rejects.toThrow('advertisedHost')
  const node = await openHost()
  await expect(openHost({ port: Number(node.address.split(':')[1]) })).rejects.toThrow('give a free port')
  const everywhere = await openHost({ host: '0.0.0.0', advertisedHost: 'node-7.example' })
  expect(everywhere.address).toMatch(/^node-7\.example:\d+$/)
})

it('a stopped client fails what was not answered', async () => {
  const { node, client } = await site()
  let begun = 0
  node.serve({ slow: () => new Promise<Uint8Array>(() => void begun++) })
  const call = client.call('n1', 'slow', bytes(''))
  await until('it is begun', () => begun === 1)
  const failed = expect(call).rejects.toThrow('stopped')
  await client.stop()
  await failed
  await node.stop(1)
})
