import { type TemporaryFolder, temporaryFolder } from '@parlance/testing'
import { createImServer, type ImServer, type ImServerAddresses, type ImServerOptions } from '../../src/index.ts'
import { ApiClient } from './api-client.ts'
import { SdkClient } from './sdk-client.ts'
import { dropNamespace, startCluster, type TestProcess, testServices } from './test-cluster.ts'

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

/**
 * Starts a server on an empty data folder, or on the given one. Where PARLANCE_TEST_STACK is `services`, it is one of several
 * processes on MongoDB, Redis and Kafka: users sign in at one after the other, and the administrator acts at the second.
 */
export function startServer(
  options: ImServerOptions = {},
  folder = temporaryFolder(),
  ports = { apiPort: 0, wsPort: 0 },
): Promise<TestServer> {
  return process.env['PARLANCE_TEST_STACK'] === 'services'
    ? startOnServices(options, folder)
    : startEmbedded(options, folder, ports)
}

async function startOnServices(options: ImServerOptions, folder: TemporaryFolder): Promise<TestServer> {
  const services = testServices()
  if (services === undefined) throw new Error('PARLANCE_TEST_STACK is services, and there are none')
  const cluster = await startCluster(services, options)
  const doors = cluster.processes.slice(0, 2)
  const [first, second] = doors as [TestProcess, TestProcess]
  const admin = await ApiClient.admin(second.addresses.api, second.im.adminSecret)
  const clients: SdkClient[] = []
  return {
    ...first.addresses,
    im: first.im,
    admin,
    folder,
    async login(userID, platformID = 5) {
      const token = await admin.userToken(userID, platformID)
      const { api: apiAddr, ws: wsAddr } = doors[clients.length % doors.length]!.addresses
      const client = await SdkClient.login({ userID, token, platformID, apiAddr, wsAddr })
      clients.push(client)
      return client
    },
    restart: () => Promise.reject(new Error('restarts of several processes are tested by themselves')),
    async stop() {
      await Promise.all(clients.map((client) => client.logout()))
      await cluster.stop()
      await dropNamespace(services, cluster.namespace)
      folder.remove()
    },
  }
}

async function startEmbedded(
  options: ImServerOptions,
  folder: TemporaryFolder,
  ports: { readonly apiPort: number; readonly wsPort: number },
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
      return startEmbedded(options, folder, { apiPort: port(addresses.api), wsPort: port(addresses.ws) })
    },
    async stop() {
      await Promise.all(clients.map((client) => client.logout()))
      await im.stop()
      folder.remove()
    },
  }
}
