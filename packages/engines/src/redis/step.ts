import { createHash } from 'node:crypto'
import type { ParlanceError } from '@parlance/core'

export type RedisArgument = string | number | Uint8Array

/** What Redis answers: text, or bytes where the step asks for them. */
export type RedisReply = null | number | string | Buffer | readonly RedisReply[]

/** What became of one step of several. */
export type RedisOutcome =
  | { readonly ok: true; readonly reply: RedisReply }
  | { readonly ok: false; readonly error: ParlanceError }

/** The process that carries a step out. */
export interface RedisServer {
  /**
   * Another one after every start of the process: a server with another incarnation than before may have lost writes it had
   * acknowledged (a restart from an older file, the failover to a replica).
   */
  readonly incarnation: string
}

/** Words that depend on the server are put together when the step is sent, on the connection that takes it. */
export type RedisWords = readonly RedisArgument[] | ((server: RedisServer) => readonly RedisArgument[])

/** One command on one key. */
export interface RedisStep {
  /** Decides the node of a Cluster. */
  readonly key: string
  readonly command: RedisWords
  /** Answers bytes instead of text. */
  readonly asBytes?: boolean
  readonly script?: RedisScript
}

/** A command whose first argument is its key: `redisCommand('HSET', key, 'field', value)`. */
export function redisCommand(name: string, key: string, ...rest: readonly RedisArgument[]): RedisStep {
  return { key, command: [name, key, ...rest] }
}

/** A Lua script, sent by its hash; a server that does not know it yet, also after a restart, is given the text. */
export class RedisScript {
  readonly text: string
  readonly sha: string

  constructor(text: string) {
    this.text = text
    this.sha = createHash('sha1').update(text).digest('hex')
  }

  /** The script on keys of one slot, all named: `KEYS` and `ARGV`. */
  on(
    keys: readonly [string, ...string[]],
    words: RedisWords = [],
    { asBytes = false }: { readonly asBytes?: boolean } = {},
  ): RedisStep {
    const head = ['EVALSHA', this.sha, keys.length, ...keys]
    const command: RedisWords =
      typeof words === 'function' ? (server) => [...head, ...words(server)] : [...head, ...words]
    return { key: keys[0], command, asBytes, script: this }
  }
}
