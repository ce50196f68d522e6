import type { Clock, Count, Milliseconds, Timer } from '@parlance/core'
import type { MongoClient } from 'mongodb'

const roundMs: Milliseconds = 1000

interface Undertaking {
  readonly what: string
  /** Which server; of a command it is not known by the name that the server has elsewhere. */
  readonly server: string | undefined
  roundsLeft: Count
}

/**
 * Tells once when the MongoDB library has lost track of something: a check of a server, a connection that is made or a
 * command that is still under way when each of the library's own timeouts must have ended it. No round trips.
 *
 * The library (7.9) may write to a socket that has been destroyed and not yet said so, which happens when a server ends
 * its connections; it then waits without a timeout for that socket to drain. A check that waits so is the last one of its
 * server, a command never ends and keeps its connection, and so on: only another client helps.
 *
 * Ages are counted in rounds, so a process that was stopped for a while suspects nothing. A timeout of zero, which means
 * none, is taken at its word.
 *
 * @returns what ends the watch
 */
export function watchStalls(client: MongoClient, clock: Clock, tell: (lost: string) => void): () => void {
  const { connectTimeoutMS, socketTimeoutMS, heartbeatFrequencyMS } = client.options
  const rounds = (limitMs: Milliseconds, ...needed: readonly Milliseconds[]): Count =>
    needed.includes(0) ? Infinity : Math.ceil(limitMs / roundMs) + 1
  // A new connection and the first hello on it; then, where the server tells of changes by itself, the next word of it.
  const checkRounds = rounds(2 * connectTimeoutMS, connectTimeoutMS)
  const awaitedRounds = rounds(2 * connectTimeoutMS + heartbeatFrequencyMS, connectTimeoutMS)
  // The same, and up to three steps to sign in.
  const connectRounds = rounds(2 * connectTimeoutMS + 3 * socketTimeoutMS, connectTimeoutMS, socketTimeoutMS)
  // An answer may take longer than the timeout, which is for silence, as long as something of it arrives.
  const commandRounds = rounds(2 * socketTimeoutMS, socketTimeoutMS)

  const underWay = new Map<string | number, Undertaking>()
  const began = (key: string | number, what: string, server: string | undefined, roundsLeft: Count): void =>
    void underWay.set(key, { what, server, roundsLeft })
  const connectionOf = (of: { address: string; connectionId: number | string }): string =>
    `connection ${of.connectionId} to ${of.address}`
  client.on('serverHeartbeatStarted', ({ connectionId: server, awaited }) =>
    began(server, 'a check', server, awaited ? awaitedRounds : checkRounds),
  )
  client.on('serverHeartbeatSucceeded', ({ connectionId: server }) => underWay.delete(server))
  client.on('serverHeartbeatFailed', ({ connectionId: server }) => underWay.delete(server))
  client.on('connectionCreated', (of) => began(connectionOf(of), 'a new connection', of.address, connectRounds))
  client.on('connectionReady', (of) => underWay.delete(connectionOf(of)))
  client.on('connectionClosed', (of) => underWay.delete(connectionOf(of)))
  client.on('commandStarted', ({ requestId }) => began(requestId, 'a command', undefined, commandRounds))
  client.on('commandSucceeded', ({ requestId }) => underWay.delete(requestId))
  client.on('commandFailed', ({ requestId }) => underWay.delete(requestId))
  // A server left the set: of what was under way with it nothing is told any more.
  client.on('serverClosed', ({ address }) => {
    for (const [key, { server = address }] of underWay) if (server === address) underWay.delete(key)
  })

  let timer: Timer = clock.after(roundMs, round)
  function round(): void {
    for (const one of underWay.values()) if (--one.roundsLeft < 0) return tell(one.what)
    timer = clock.after(roundMs, round)
  }
  return () => timer.cancel()
}
