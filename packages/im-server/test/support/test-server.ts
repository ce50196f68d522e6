import { type TemporaryFolder, temporaryFolder } from '@parlance/testing'
import { createImServer, type ImServer, type ImServerAddresses, type ImServerOptions } from '../../src/index.ts'
import { ApiClient } from './api-client.ts'
import { SdkClient } from './sdk-client.ts'

/** A server in this process on free ports, and an administrator's client for it. */
export interface TestServer extends ImServerAddresses {
  readonly im: ImServer
  readonly admin: ApiClient
  readonly folder: TemporaryFolder
  /** Logs an unmodified SDK in. @param platformID - 5 is Web. */
  login(userID: string, platformID?: number): Promise<SdkClient>
  /** Stops the server and starts another one on the same data and ports. */
  restart(): Promise<TestServer>
  stop(): Promise<void>
}

/** Starts a server on an empty data folder, or on the given one. */
export async function startServer(
  options: ImServerOptions = {},
  folder = temporaryFolder(),
  ports = { apiPort: 0, wsPort: 0 },
): Promise<TestServer> {
  const im = await createImServer({ dataDir: folder.path, logLevel: 'error', ...options }, {})
  const addresses = await im.listen(ports)
  const admin = await ApiClient.admin(addresses.api, im.adminSecret)
  const clients: SdkClient[] = []
  const port = (address: string): number => Number(new URL(address).port)
  return {
    ...addresses,
    im,
    admin,
    folder,
    async login(userID, platformID = 5) {
      const token = await admin.userToken(userID, platformID)
      const client = await SdkClient.login({ userID, token, platformID, apiAddr: addresses.api, wsAddr: addresses.ws })
      clients.push(client)
      return client
    },
    async restart() {
      await im.stop()
      return startServer(options, folder, { apiPort: port(addresses.api), wsPort: port(addresses.ws) })
    },
    async stop() {
      await Promise.all(clients.map((client) => client.logout()))
      await im.stop()
      folder.remove()
    },
  }
}
