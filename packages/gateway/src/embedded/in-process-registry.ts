import type { PresenceListener, RegisteredSession, SessionRegistry } from '../registry.ts'

/**
 * The registry of a cluster that is one process. Nothing of it outlives the process, and neither do its sessions.
 *
 * Listeners are called before `register` and `unregister` return; they must not throw.
 */
export function createInProcessRegistry(): SessionRegistry {
  const bySubject = new Map<string, readonly RegisteredSession[]>()
  const listeners = new Set<PresenceListener>()

  const change = (subject: string, sessions: readonly RegisteredSession[]): void => {
    if (sessions.length === 0) bySubject.delete(subject)
    else bySubject.set(subject, sessions)
    for (const listener of listeners) listener(subject, sessions)
  }
  const of = (subject: string): readonly RegisteredSession[] => bySubject.get(subject) ?? []

  return {
    async register(session) {
      const before = of(session.subject).filter(({ id }) => id !== session.id)
      change(session.subject, [...before, session])
      return before
    },
    async unregister({ subject, id }) {
      const before = of(subject)
      const rest = before.filter((session) => session.id !== id)
      if (rest.length < before.length) change(subject, rest)
    },
    sessionsOf: async (subjects) => subjects.map(of),
    watch(listener) {
      // A function of its own, so that the same listener may watch twice.
      const own: PresenceListener = (subject, sessions) => listener(subject, sessions)
      listeners.add(own)
      return () => void listeners.delete(own)
    },
  }
}
