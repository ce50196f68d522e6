import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { openRedis } from '@parlance/engines/redis'
import { createGateway, json } from '@parlance/gateway'
import { createNodeClient, createNodeHost } from '@parlance/gateway/link'
import { createRedisSessionRegistry } from '@parlance/gateway/redis'

/** A node that holds sessions until it is killed; writes the port of its gateway. */
export async function main([url, prefix, secret, leaseMs]: string[]): Promise<void> {
  const redis = await openRedis({ url: url!, prefix: prefix! })
  const registry = createRedisSessionRegistry({ redis, leaseMs: Number(leaseMs) })
  const link = {
    host: await createNodeHost({ secret: secret!, ops: { echo: (payload) => payload } }),
    client: createNodeClient({ secret: secret!, nodes: () => registry.nodes() }),
  }
  const gateway = createGateway({
    authenticate: ({ url: { searchParams } }) => ({
      subject: searchParams.get('user')!,
      device: 'web',
      credential: 'c',
    }),
    codecs: [json],
    node: 'doomed',
    registry,
    link,
  })
  const server = createServer().listen(0, '127.0.0.1')
  gateway.attach(server)
  server.once('listening', () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`))
}
