import type { TestServer } from './test-server.ts'

/** Several private servers that are one service. */
export class ServerGroup implements AsyncDisposable {
  /** How clients reach the service. */
  readonly url: string
  /** Each can be killed and started by itself. */
  readonly servers: readonly TestServer[]

  constructor(url: string, servers: readonly TestServer[]) {
    this.url = url
    this.servers = servers
  }

  /** Starts it, or leaves nothing behind. */
  async startedBy(start: () => Promise<void>): Promise<this> {
    try {
      await start()
      return this
    } catch (error) {
      await this.remove()
      throw error
    }
  }

  /** Kills all of them, and removes their data. */
  async remove(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.remove()))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.remove()
  }
}
