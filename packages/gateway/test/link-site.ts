import type { NodeClient, NodeHost } from '@parlance/gateway'
import { createNodeClient, createNodeHost, type NodeClientOptions, type NodeHostOptions } from '@parlance/gateway/link'
import { afterEach } from 'vitest'
import { TcpProxy } from './tcp-proxy.ts'

export const secret = 'a secret of enough bytes'
const open: { stop?(deadlineMs: number): Promise<unknown>; close?(): Promise<unknown> }[] = []

/** A host and a client with the same secret; both are stopped after the test. */
export const openHost = async (options: Partial<NodeHostOptions> = {}): Promise<NodeHost> => {
  const host = await createNodeHost({ secret, ...options })
  open.push(host)
  return host
}
export const openClient = (options: Partial<NodeClientOptions> & Pick<NodeClientOptions, 'nodes'>): NodeClient => {
  const client = createNodeClient({ secret, ...options })
  open.push(client)
  return client
}

afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await (one.stop ?? one.close)?.call(one, 1)
})

export const bytes = (text: string): Uint8Array => Buffer.from(text)
export const text = (payload: Uint8Array): string => Buffer.from(payload).toString()

/** A node behind a proxy, and a client that reaches it there. */
export async function site(host: Partial<NodeHostOptions> = {}, client: Partial<NodeClientOptions> = {}) {
  const node = await openHost(host)
  const proxy = await TcpProxy.to(node.address)
  open.push(proxy)
  const live = { name: 'n1', incarnation: node.incarnation, address: proxy.address }
  const cluster = { nodes: [live] }
  return { node, proxy, live, cluster, client: openClient({ nodes: async () => cluster.nodes, ...client }) }
}
