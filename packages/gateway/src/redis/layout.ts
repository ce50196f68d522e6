import type { Redis, RedisReply } from '@parlance/engines/redis'
import type { RegisteredSession } from '../registry.ts'

/** The names of keys and channels. */
export class Layout {
  readonly #redis: Redis
  readonly #name: string

  constructor(redis: Redis, name: string) {
    this.#redis = redis
    this.#name = name
  }

  /** The hash of nodes. */
  get nodes(): string {
    return this.#redis.name(this.#name, 'nodes')
  }

  /** Where it is told that nodes come and go. */
  get nodesChannel(): string {
    return this.#redis.name(this.#name, 'nodes-changed')
  }

  /** The hash of a subject's sessions. */
  sessions(subject: string): string {
    return this.#redis.name(this.#name, 'sessions', subject)
  }

  /** Where it is told that a subject's sessions changed. */
  sessionsChannel(subject: string): string {
    return this.#redis.name(this.#name, 'sessions-changed', subject)
  }

  /** The set of subjects that have, or had, sessions on a node. */
  subjectsOf(run: string): string {
    return this.#redis.name(this.#name, 'subjects', run)
  }
}

/** A session as it is kept. */
export interface Entry {
  readonly session: RegisteredSession
  readonly run: string
  readonly order: number
}

/**
 * A node as Redis knows it: its name, its incarnation, and a number that is another one after each lapse, so that what is swept
 * after the lapse is never what the node has put back.
 */
export const runOf = (name: string, incarnation: string, lapses: number): string =>
  `${encodeURIComponent(name)}/${encodeURIComponent(incarnation)}/${lapses}`

export const incarnationOf = (run: string): string => decodeURIComponent(run.split('/')[1] ?? '')

export const encodeData = ({ node, device, credential }: RegisteredSession): string =>
  JSON.stringify([node, device, credential])

/** Reads a subject's hash, oldest first. What cannot be read, because another version wrote it, is left out. */
export function readEntries(subject: string, reply: RedisReply): Entry[] {
  const flat = reply as readonly string[]
  const entries: Entry[] = []
  for (let at = 0; at < flat.length; at += 2) {
    const match = /^(\d+):([^:]*):(.*)$/s.exec(flat[at + 1]!)
    if (match === null) continue
    const [, order, run, data] = match
    const [node, device, credential] = JSON.parse(data!) as [string, string, string]
    entries.push({
      session: { id: flat[at]!, node, subject, device, credential },
      run: run!,
      order: Number(order),
    })
  }
  return entries.sort((one, other) => one.order - other.order || (one.session.id < other.session.id ? -1 : 1))
}
