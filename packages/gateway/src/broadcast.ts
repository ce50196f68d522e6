import type { NodeAnswer, NodeCallOptions, NodeClient, NodesSource } from './node-link.ts'

/** Calls every node of the source, and waits for what comes of each. */
export async function broadcastBy(
  client: Pick<NodeClient, 'call'>,
  nodes: NodesSource,
  op: string,
  payload: Uint8Array,
  options?: NodeCallOptions,
): Promise<readonly NodeAnswer[]> {
  const called = (await nodes()).map(async ({ name: node }): Promise<NodeAnswer> => {
    try {
      return { node, payload: await client.call(node, op, payload, options) }
    } catch (error) {
      return { node, error }
    }
  })
  return Promise.all(called)
}
