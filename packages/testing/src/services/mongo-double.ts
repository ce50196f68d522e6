import { connect } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { reservePort } from './ports.ts'
import { requireProgram } from './programs.ts'
import { serverFolder, TestServer } from './test-server.ts'

/** How a private server that speaks MongoDB's protocol is started. */
export interface MongoDoubleOptions {
  /**
   * Where its data is: in a file, which survives `kill()` and restarts (no fsync: not a power failure), or in memory, quicker.
   *
   * @defaultValue 'file'
   */
  readonly storage?: 'file' | 'memory'
}

const javaOptions = ['-Xms64m', '-Xmx512m', '-XX:+UseSerialGC', '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn']

async function canConnect(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } finally {
    socket.destroy()
  }
}

/**
 * Starts a private server that speaks MongoDB's protocol; `await using` or `remove()` ends it.
 *
 * It is a double, not MongoDB: single documents are atomic; it knows no transactions, change streams, TTL or partial indexes.
 *
 * @throws ServiceMissingError without Java or the double; ServerFailedError.
 */
export async function startMongoDouble(options: MongoDoubleOptions = {}): Promise<TestServer> {
  const { command, classPath } = requireProgram('mongo')
  const port = await reservePort()
  const folder = serverFolder()
  const storage = options.storage === 'memory' ? 'memory' : join(folder, 'data.db')
  const server = new TestServer({
    name: 'a server with the MongoDB protocol',
    url: `mongodb://127.0.0.1:${port}`,
    port,
    folder,
    command,
    arguments: [...javaOptions, '-cp', classPath, 'MongoDouble', String(port), storage],
    // It says so itself once it listens: another server on the port could not have made it say that.
    answers: async ({ output }) => output().includes('READY') && (await canConnect(port)),
  })
  return server.started()
}
