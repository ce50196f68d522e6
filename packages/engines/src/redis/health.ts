import type { Clock } from '@parlance/core'
import type { Connection } from './connection.ts'

/** How Redis is, in words for whoever has to repair it. */
export interface RedisHealth {
  readonly healthy: boolean
  /** What is wrong and what helps; or how fast it answered. */
  readonly words: string
}

/** From this part of its memory on, a write of some size is refused. */
const almostFull = 0.95

/** Asks every node, all at once: one round trip. */
export async function healthOf(
  label: string,
  clock: Clock,
  connections: readonly Connection[],
  subscriber: Connection | undefined,
): Promise<RedisHealth> {
  const startedMs = clock.elapsed()
  const found = await Promise.all(connections.map(problemsOf))
  const problems = found.flat()
  if (connections.length === 0) problems.push('no node is known yet that holds keys')
  if (subscriber !== undefined && subscriber.server === undefined)
    problems.push(`channels are not heard: ${subscriber.failure?.message ?? 'the connection is being made'}`)
  if (problems.length > 0) return { healthy: false, words: problems.join('; ') }
  return { healthy: true, words: `${label} answered in ${Math.round(clock.elapsed() - startedMs)} ms` }
}

async function problemsOf(connection: Connection): Promise<string[]> {
  if (connection.server === undefined)
    return [connection.failure?.message ?? `${connection.label} is not connected yet`]
  const sections = ['memory', 'replication', 'cluster'].map((section) => ({ words: ['INFO', section], asBytes: false }))
  const outcomes = await connection.send(sections)
  const failure = outcomes.find((outcome) => !outcome.ok)
  if (failure !== undefined && !failure.ok) return [failure.error.message]
  const info = outcomes.map((outcome) => (outcome.ok ? String(outcome.reply) : '')).join('\n')
  const field = (name: string): string => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? ''
  const problems: string[] = []
  const maxBytes = Number(field('maxmemory'))
  if (
    maxBytes > 0 &&
    field('maxmemory_policy') === 'noeviction' &&
    Number(field('used_memory')) >= almostFull * maxBytes
  )
    problems.push(`${connection.label} is full, or nearly (maxmemory ${maxBytes} bytes, noeviction): raise maxmemory`)
  if (field('role') === 'slave') problems.push(`${connection.label} is a replica: name the master in the address`)
  return problems
}
