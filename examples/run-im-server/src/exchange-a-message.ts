import { createImServer } from '@parlance/im-server'
import { PushMessages } from '@parlance/openim-protocol'
import { Api } from './api.ts'
import { Client } from './client.ts'

/** Runs a server in this process, on free ports; one user writes to another. */
export async function exchangeAMessage(dataDir: string, say: (line: string) => void): Promise<void> {
  const im = await createImServer({ dataDir })
  const { api: apiUrl, ws } = await im.listen({ apiPort: 0, wsPort: 0 })

  const api = await Api.asAdmin(apiUrl, im.config.adminID, im.adminSecret)
  const ada = new Client(ws, 'ada', await api.register('ada'))
  const bob = new Client(ws, 'bob', await api.register('bob'))
  await Promise.all([ada.connected(), bob.connected()])
  say('ada and bob are connected')

  const { serverMsgID } = await ada.sendText('bob', 'Hello, Bob!')
  say(`ada's message is durable: ${serverMsgID.length > 0}`)

  const { msgs } = PushMessages.decode(await bob.next())
  for (const [conversationID, { Msgs }] of Object.entries(msgs))
    for (const { sendID, seq, content } of Msgs)
      say(`bob is pushed ${conversationID} #${seq} from ${sendID}: ${Buffer.from(content).toString()}`)

  await im.stop()
}
