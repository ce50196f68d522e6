import { connect } from 'node:net'
import { reservePort } from './ports.ts'
import { requireProgram } from './programs.ts'
import { serverFolder, TestServer } from './test-server.ts'

/** How a private Redis is started. */
export interface RedisServerOptions {
  /**
   * What it still knows after a restart: nothing, or all that it acknowledged (append-only file, flushed by each write).
   *
   * @defaultValue 'nothing'
   */
  readonly remembers?: 'nothing' | 'everything'
  /** More of `redis-server`'s own options, for example `['--maxmemory', '10mb']`. */
  readonly arguments?: readonly string[]
}

/** Sends one command and returns the answer's text. For probes and set-up; an error answer and an early end throw. */
export async function redisCommand(port: number, ...words: readonly string[]): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.setTimeout(2_000, () => socket.destroy(new Error(`no answer to ${words[0]}`)))
  const chunks: Buffer[] = []
  try {
    socket.write(`*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`)
    for await (const chunk of socket) {
      chunks.push(chunk as Buffer)
      const answer = readAnswer(Buffer.concat(chunks).toString('utf8'))
      if (answer !== undefined) return answer
    }
  } finally {
    socket.destroy()
  }
  throw new Error(`the connection ended before the answer to ${words[0]}`)
}

function readAnswer(text: string): string | undefined {
  const end = text.indexOf('\r\n')
  if (end === -1) return undefined
  const head = text.slice(1, end)
  if (text.startsWith('-')) throw new Error(head)
  if (!text.startsWith('$')) return head
  const body = text.slice(end + 2)
  return Buffer.byteLength(body) >= Number(head) + 2 ? body.slice(0, -2) : undefined
}

/** Whether this process, and not another one on its port, answers, its data loaded. */
export async function isRedisOf(pid: number, port: number): Promise<boolean> {
  const info = await redisCommand(port, 'INFO')
  return info.includes(`process_id:${pid}\r\n`) && !info.includes('loading:1\r\n')
}

/** Options as words of the command line. */
export const wordsOf = (options: Readonly<Record<string, string>>): readonly string[] =>
  Object.entries(options).flatMap(([name, value]) => [`--${name}`, value])

/** A Redis that is not started yet; `kind` for messages. */
export async function planRedis(
  kind: string,
  options: RedisServerOptions & { readonly withBus?: boolean } = {},
): Promise<TestServer> {
  const { command } = requireProgram('redis')
  const port = await reservePort(options.withBus)
  const folder = serverFolder()
  const remembers = options.remembers === 'everything'
  return new TestServer({
    name: kind,
    url: `redis://127.0.0.1:${port}`,
    port,
    folder,
    command,
    arguments: [
      ...wordsOf({ port: String(port), bind: '127.0.0.1', dir: folder, save: '' }),
      ...wordsOf({ appendonly: remembers ? 'yes' : 'no', appendfsync: 'always' }),
      ...(options.arguments ?? []),
    ],
    answers: ({ pid }) => isRedisOf(pid, port),
  })
}

/**
 * Starts a private standalone Redis; `await using` or `remove()` ends it.
 *
 * @throws ServiceMissingError without `redis-server`; ServerFailedError.
 */
export async function startRedis(options: RedisServerOptions = {}): Promise<TestServer> {
  const server = await planRedis('a Redis server', options)
  return server.started()
}
