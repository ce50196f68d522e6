import { InvalidArgumentError } from '@parlance/core'
import type {
  LiveNode,
  NodeAnnouncement,
  NodeMembership,
  PresenceListener,
  PresenceWatch,
  RegisteredSession,
  SessionRegistry,
} from '../registry.ts'

/**
 * The registry of a cluster that is one process. Nothing of it outlives the process, and neither do its sessions.
 *
 * No call makes a round trip. Listeners are called before `register` and `unregister` return.
 */
export function createInProcessRegistry(): SessionRegistry {
  return new InProcessRegistry()
}

interface Watching {
  readonly listener: PresenceListener
  readonly followed: Set<string>
}

class InProcessRegistry implements SessionRegistry {
  readonly #nodes = new Map<string, LiveNode>()
  readonly #bySubject = new Map<string, readonly RegisteredSession[]>()
  readonly #watches = new Set<Watching>()

  join({ name, incarnation, address }: NodeAnnouncement): NodeMembership {
    const node: LiveNode = { name, incarnation, address }
    this.#forgetNode(name)
    this.#nodes.set(name, node)
    return {
      leave: async () => {
        if (this.#nodes.get(name) !== node) return
        this.#nodes.delete(name)
        this.#forgetNode(name)
      },
    }
  }

  async nodes(): Promise<readonly LiveNode[]> {
    return [...this.#nodes.values()]
  }

  async register(session: RegisteredSession): Promise<readonly RegisteredSession[]> {
    if (!this.#nodes.has(session.node))
      throw new InvalidArgumentError(`node ${session.node} has not joined; join it before its sessions register`)
    const before = this.#of(session.subject)
    const others = before.filter(({ id }) => id !== session.id)
    if (others.length === before.length) this.#change(session.subject, [...before, session])
    return others
  }

  async unregister({ subject, id }: RegisteredSession): Promise<void> {
    const before = this.#of(subject)
    const rest = before.filter((session) => session.id !== id)
    if (rest.length < before.length) this.#change(subject, rest)
  }

  async sessionsOf(subjects: readonly string[]): Promise<readonly (readonly RegisteredSession[])[]> {
    return subjects.map((subject) => this.#of(subject))
  }

  watch(listener: PresenceListener): PresenceWatch {
    const watching: Watching = { listener, followed: new Set() }
    this.#watches.add(watching)
    return {
      follow: (subjects) => {
        if (this.#watches.has(watching)) for (const subject of subjects) watching.followed.add(subject)
        return this.sessionsOf(subjects)
      },
      unfollow: (subjects) => {
        for (const subject of subjects) watching.followed.delete(subject)
      },
      stop: () => {
        this.#watches.delete(watching)
        watching.followed.clear()
      },
    }
  }

  #of(subject: string): readonly RegisteredSession[] {
    return this.#bySubject.get(subject) ?? []
  }

  #change(subject: string, sessions: readonly RegisteredSession[]): void {
    if (sessions.length === 0) this.#bySubject.delete(subject)
    else this.#bySubject.set(subject, sessions)
    for (const { listener, followed } of this.#watches) if (followed.has(subject)) listener(subject, sessions)
  }

  #forgetNode(name: string): void {
    for (const [subject, sessions] of this.#bySubject) {
      const rest = sessions.filter(({ node }) => node !== name)
      if (rest.length < sessions.length) this.#change(subject, rest)
    }
  }
}
