import type { RegisteredSession } from './registry.ts'

/** Names sessions of a subject, as data. A session must fit everything that is given; nothing given fits all. */
export interface SessionMatch {
  readonly sessions?: readonly string[]
  readonly devices?: readonly string[]
  readonly credentials?: readonly string[]
  readonly exceptSessions?: readonly string[]
  readonly exceptDevices?: readonly string[]
  readonly exceptCredentials?: readonly string[]
}

/** Whether a session is one of those named. */
export function matches(match: SessionMatch | undefined, { id, device, credential }: RegisteredSession): boolean {
  if (match === undefined) return true
  return (
    (match.sessions?.includes(id) ?? true) &&
    (match.devices?.includes(device) ?? true) &&
    (match.credentials?.includes(credential) ?? true) &&
    match.exceptSessions?.includes(id) !== true &&
    match.exceptDevices?.includes(device) !== true &&
    match.exceptCredentials?.includes(credential) !== true
  )
}
