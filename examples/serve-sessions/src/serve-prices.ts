import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createGateway, json } from '@parlance/gateway'
import { opsOf } from '@parlance/gateway/decorators'
import { Client } from './client.ts'
import { Prices } from './prices.ts'

/** Two clients subscribe; a price goes to whoever wants it, encoded once. */
export async function servePrices(say: (line: string) => void): Promise<void> {
  const prices = new Prices()
  const gateway = createGateway({
    // Yours looks at a cookie or a token; undefined refuses the client with 401.
    authenticate: ({ url }) => {
      const user = url.searchParams.get('user')
      return user === null ? undefined : { subject: user, device: 'web', credential: user }
    },
    codecs: [json],
    ops: opsOf(prices),
    limits: { frameBytes: 64_000 },
  })
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  gateway.attach(server)
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`

  const clients = [new Client(url, 'ada'), new Client(url, 'bob')]
  for (const client of clients) {
    const answer = await client.request('subscribe', ['ACME'])
    say(`${client.name} is answered ${JSON.stringify(answer)}`)
  }

  const reached = await gateway.deliver(prices.watchersOf('ACME'), {
    op: 'price',
    data: { symbol: 'ACME', cents: 4_200 },
  })
  say(`a price was pushed to ${reached} sessions`)
  for (const client of clients) say(`${client.name} is pushed ${JSON.stringify(await client.next())}`)

  await gateway.stop()
  server.close()
}
