import type { Logger, Milliseconds } from '@parlance/core'
import { type NodeClient, NodeGoneError, NodeUnreachableError, type SessionRegistry } from '@parlance/gateway'
import type { Delivery, Push } from './delivery.ts'
import { encodePush } from './push-codec.ts'

/** What processes that hold sessions are called for. */
export const pushOp = 'im.push'

/** A node that does not answer for so long is told later that it missed something, and its clients fetch it. */
const patienceMs: Milliseconds = 5_000

/**
 * Brings messages to the processes that hold sessions of their receivers, and to no others.
 *
 * One round trip to the registry for all receivers, and one to each such process, at the same time. A process that left the
 * cluster took its sessions with it. One that does not answer in time is given up, and its sessions are told to fetch what they
 * missed once it is heard of again.
 */
export class NodeDelivery implements Delivery {
  readonly #registry: Pick<SessionRegistry, 'sessionsOf'>
  readonly #client: Pick<NodeClient, 'call'>
  readonly #logger: Logger

  constructor(registry: Pick<SessionRegistry, 'sessionsOf'>, client: Pick<NodeClient, 'call'>, logger: Logger) {
    this.#registry = registry
    this.#client = client
    this.#logger = logger
  }

  async deliver(push: Push): Promise<void> {
    const subjects = [...new Set([...push.receivers, ...push.senders])]
    const found = await this.#registry.sessionsOf(subjects)
    const subjectsByNode = new Map<string, Set<string>>()
    subjects.forEach((subject, index) => {
      for (const { node } of found[index]!) {
        const some = subjectsByNode.get(node)
        if (some === undefined) subjectsByNode.set(node, new Set([subject]))
        else some.add(subject)
      }
    })
    await Promise.all([...subjectsByNode].map(([node, some]) => this.#deliverTo(node, push, some)))
  }

  async #deliverTo(node: string, push: Push, subjects: ReadonlySet<string>): Promise<void> {
    const isThere = (subject: string): boolean => subjects.has(subject)
    const receivers = new Set([...push.receivers].filter(isThere))
    const senders = new Set([...push.senders].filter(isThere))
    const payload = encodePush({ ...push, receivers, senders })
    try {
      await this.#client.call(node, pushOp, payload, { timeoutMs: patienceMs, isDelivery: true })
    } catch (error) {
      if (error instanceof NodeGoneError) return
      if (!(error instanceof NodeUnreachableError)) throw error
      this.#logger.warn('a node did not take a push; its sessions will be told to fetch it', { node, error })
    }
  }
}
