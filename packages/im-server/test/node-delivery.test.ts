import { silentLogger } from '@parlance/core'
import { NodeCallError, NodeUnreachableError, type RegisteredSession } from '@parlance/gateway'
import { createInProcessRegistry, InProcessNetwork } from '@parlance/gateway/embedded'
import { MsgData } from '@parlance/openim-protocol'
import { describe, expect, it } from 'vitest'
import type { Push } from '../src/domain/messages/delivery.ts'
import { NodeDelivery, pushOp } from '../src/domain/messages/node-delivery.ts'
import { encodePush } from '../src/domain/messages/push-codec.ts'
import { receivePushes } from '../src/domain/messages/push-reception.ts'

const stream = 'group/g'

function push(receivers: string[], senders: string[], ...seqs: number[]): Push {
  const batch = seqs.map((seq) => {
    const body = { ...MsgData.zero(), sendID: 'ada', serverMsgID: `of ${seq}` }
    return { body, seq, bytes: MsgData.encode(body), cause: { operationID: 'op', sessionID: '' } }
  })
  return { stream, batch, receivers: new Set(receivers), senders: new Set(senders) }
}

/** Processes in one, each with what was pushed to its sessions, and one that pushes. */
async function cluster(places: Readonly<Record<string, readonly string[]>>) {
  const registry = createInProcessRegistry()
  const network = new InProcessNetwork()
  const pushed: Record<string, [receivers: string[], senders: string[], seqs: number[]][]> = {}
  for (const [name, subjects] of Object.entries(places)) {
    const host = network.openHost()
    host.serve(
      receivePushes({
        async deliver({ batch, receivers, senders }) {
          ;(pushed[name] ??= []).push([[...receivers], [...senders], batch.map(({ seq }) => seq)])
        },
      }),
    )
    registry.join({ name, address: host.address, incarnation: host.incarnation })
    for (const subject of subjects) {
      const session: RegisteredSession = {
        id: `${subject} on ${name}`,
        node: name,
        subject,
        device: 'web',
        credential: '',
      }
      await registry.register(session)
    }
  }
  const client = network.openClient(() => registry.nodes())
  return { registry, client, pushed, delivery: new NodeDelivery(registry, client, silentLogger) }
}

describe('pushing to other processes', () => {
  it('goes to those that hold sessions of receivers or senders, with these alone', async () => {
    const { delivery, pushed } = await cluster({ one: ['ada', 'bob'], two: ['bob', 'eve'], three: ['zoe'], four: [] })
    await delivery.deliver(push(['ada', 'bob', 'eve', 'gone'], ['ada'], 1, 2))
    expect(pushed).toEqual({ one: [[['ada', 'bob'], ['ada'], [1, 2]]], two: [[['bob', 'eve'], [], [1, 2]]] })
  })

  it('leaves out what a process was pushed already', async () => {
    const { delivery, pushed } = await cluster({ one: ['bob'] })
    await delivery.deliver(push(['bob'], [], 1, 2))
    await delivery.deliver(push(['bob'], [], 2, 3))
    await delivery.deliver(push(['bob'], [], 3))
    expect(pushed).toEqual({
      one: [
        [['bob'], [], [1, 2]],
        [['bob'], [], [3]],
      ],
    })
  })

  it('leaves out what comes twice in one push: two processes announced it when a stream changed hands', async () => {
    const { delivery, pushed } = await cluster({ one: ['bob'] })
    await delivery.deliver(push(['bob'], [], 1, 2, 3, 1, 2))
    expect(pushed).toEqual({ one: [[['bob'], [], [1, 2, 3]]] })
  })

  it('leaves out nothing that could not be delivered the first time', async () => {
    const delivered: number[][] = []
    let isBroken = true
    const ops = receivePushes({
      async deliver({ batch }) {
        if (isBroken) throw new Error('no way')
        delivered.push(batch.map(({ seq }) => seq))
      },
    })
    const receive = async (...seqs: number[]) => ops[pushOp]!(encodePush(push(['bob'], [], ...seqs)))
    await expect(receive(1, 2)).rejects.toThrow('no way')
    isBroken = false
    await receive(1, 2)
    await receive(2, 3)
    expect(delivered).toEqual([[1, 2], [3]])
  })

  it('tells messages that are not kept apart by their ids', async () => {
    const { delivery, pushed } = await cluster({ one: ['bob'] })
    for (let round = 0; round < 2; round++) await delivery.deliver(push(['bob'], [], 0))
    expect(pushed['one']).toHaveLength(1)
  })

  it('goes on when a process is gone or does not answer, and fails when one fails', async () => {
    const { registry, client, delivery, pushed } = await cluster({ one: ['bob'], two: ['bob'] })
    const calls: string[] = []
    const breaking = (error: Error) =>
      new NodeDelivery(
        registry,
        {
          call(node, op, payload, options) {
            calls.push(`${node} ${op} ${options?.isDelivery === true}`)
            return node === 'one' ? Promise.reject(error) : client.call(node, op, payload, options)
          },
        },
        silentLogger,
      )
    await breaking(new NodeUnreachableError('silent')).deliver(push(['bob'], [], 1))
    expect(pushed).toEqual({ two: [[['bob'], [], [1]]] })
    expect(calls).toEqual([`one ${pushOp} true`, `two ${pushOp} true`])
    await expect(breaking(new NodeCallError('busy', true)).deliver(push(['bob'], [], 2))).rejects.toThrow('busy')
    await delivery.deliver(push(['bob'], [], 2))
    expect(pushed['two']).toEqual([
      [['bob'], [], [1]],
      [['bob'], [], [2]],
    ])
  })
})
