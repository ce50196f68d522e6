import { deepEqual, equal, rejects } from 'node:assert/strict'
import { ClosedError, InvalidArgumentError, OverloadedError } from '@parlance/core'
import { defineContract, settle, until } from '@parlance/testing'
import { NodeCallError, NodeGoneError } from '../errors.ts'
import type { NodeClient, NodeHost, NodesSource } from '../node-link.ts'
import type { LiveNode } from '../registry.ts'

/** Opens the ends of links; whoever gives it closes what a case left open. */
export interface NodeLinkFixture {
  readonly openHost: () => Promise<NodeHost>
  readonly openClient: (nodes: NodesSource) => NodeClient
}

const bytes = (text: string): Uint8Array => Buffer.from(text)
const text = (payload: Uint8Array | undefined): string => Buffer.from(payload ?? []).toString()

const liveNode = (name: string, { address, incarnation }: NodeHost): LiveNode => ({ name, address, incarnation })

/** One node, and a client that knows it. */
async function pair({ openHost, openClient }: NodeLinkFixture) {
  const host = await openHost()
  const client = openClient(async () => [liveNode('n1', host)])
  return { host, client }
}

/** What every link between processes must do. */
export const nodeLinkContract = defineContract<NodeLinkFixture>()('NodeLink', {
  'a call gets the answer of its handler': async (fixture) => {
    const { host, client } = await pair(fixture)
    host.serve({
      upper: (payload) => bytes(text(payload).toUpperCase()),
      later: async (payload) => (await settle(), payload),
    })
    equal(text(await client.call('n1', 'upper', bytes('äb'))), 'ÄB')
    equal(text(await client.call('n1', 'later', bytes(''))), '')
    const all = Uint8Array.from({ length: 256 }, (_, value) => value)
    deepEqual(Buffer.from(await client.call('n1', 'later', all)), Buffer.from(all))
  },
  'a payload may be large': async (fixture) => {
    const { host, client } = await pair(fixture)
    host.serve({ echo: (payload) => payload })
    const large = Buffer.alloc(1_000_000, 'large')
    equal(Buffer.compare(await client.call('n1', 'echo', large), large), 0)
  },
  'calls to one node are begun in the order they were made, each once': async (fixture) => {
    const { host, client } = await pair(fixture)
    const begun: number[] = []
    host.serve({
      note: async (payload) => {
        begun.push(Number(text(payload)))
        // The earlier ones take longer.
        if (begun.length < 50) await settle()
        return payload
      },
    })
    const numbers = Array.from({ length: 300 }, (_, number) => number)
    const answers = await Promise.all(numbers.map((number) => client.call('n1', 'note', bytes(String(number)))))
    deepEqual(begun, numbers)
    deepEqual(answers.map(text), numbers.map(String))
  },
  'calls overlap: one that takes long holds up nobody': async (fixture) => {
    const { host, client } = await pair(fixture)
    let answer!: (payload: Uint8Array) => void
    host.serve({
      slow: () => new Promise<Uint8Array>((resolve) => (answer = resolve)),
      fast: () => bytes('fast'),
    })
    const slow = client.call('n1', 'slow', bytes(''))
    equal(text(await client.call('n1', 'fast', bytes(''))), 'fast')
    answer(bytes('slow'))
    equal(text(await slow), 'slow')
  },
  'an error of a handler reaches the caller, a foreign one without its words': async (fixture) => {
    const { host, client } = await pair(fixture)
    host.serve({
      busy: () => {
        throw new OverloadedError('too much to do')
      },
      broken: async () => {
        throw new Error('password=secret')
      },
    })
    await rejects(client.call('n1', 'busy', bytes('')), (error) => {
      equal(error instanceof NodeCallError && error.retryable, true)
      equal((error as NodeCallError).details['remoteCode'], 'CORE_OVERLOADED')
      return /too much to do/.test((error as Error).message)
    })
    await rejects(client.call('n1', 'broken', bytes('')), (error) => {
      equal(error instanceof NodeCallError && !error.retryable, true)
      return !/secret/.test((error as Error).message)
    })
    await rejects(client.call('n1', 'unheard of', bytes('')), NodeCallError)
  },
  'an op is served once': async (fixture) => {
    const { host } = await pair(fixture)
    host.serve({ echo: (payload) => payload })
    await rejects(async () => host.serve({ echo: (payload) => payload }), InvalidArgumentError)
  },
  'a node that is not in the cluster is gone': async (fixture) => {
    const { host, client } = await pair(fixture)
    host.serve({ echo: (payload) => payload })
    await rejects(client.call('n2', 'echo', bytes('')), NodeGoneError)
    equal(text(await client.call('n1', 'echo', bytes('still there'))), 'still there')
  },
  'a broadcast asks every node, and tells what came of each': async ({ openHost, openClient }) => {
    const hosts = await Promise.all(['a', 'b', 'c'].map(() => openHost()))
    for (const [index, host] of hosts.entries())
      host.serve({
        who: () => {
          if (index === 1) throw new OverloadedError('not now')
          return bytes(String(index))
        },
      })
    const client = openClient(async () => hosts.map((host, index) => liveNode(`n${index}`, host)))
    const answers = await client.broadcast('who', bytes(''))
    deepEqual(
      answers.map(({ node, payload, error }) => [node, text(payload), error instanceof NodeCallError]),
      [
        ['n0', '0', false],
        ['n1', '', true],
        ['n2', '2', false],
      ],
    )
  },
  'a stopped client calls nobody': async (fixture) => {
    const { host, client } = await pair(fixture)
    host.serve({ echo: (payload) => payload })
    await client.call('n1', 'echo', bytes(''))
    await client.stop()
    await client.stop()
    await rejects(client.call('n1', 'echo', bytes('')), ClosedError)
  },
  'a host that stops answers what it is handling': async (fixture) => {
    const { host, client } = await pair(fixture)
    let answer: ((payload: Uint8Array) => void) | undefined
    host.serve({ slow: () => new Promise<Uint8Array>((resolve) => (answer = resolve)) })
    const call = client.call('n1', 'slow', bytes(''))
    await until('it is begun', () => answer)
    const stopped = host.stop()
    answer!(bytes('the last'))
    equal(text(await call), 'the last')
    await stopped
    await host.stop()
  },
})
