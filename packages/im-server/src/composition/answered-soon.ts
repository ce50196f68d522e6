import { type Clock, type Milliseconds, pause } from '@parlance/core'

/** How a service is, in words when it is not well. */
export interface Health {
  readonly healthy: boolean
  readonly words: string
}

/** Less than those wait who ask a process how it is, `parlance status` among them. */
const limitMs: Milliseconds = 2_000

/** What a service says of itself, or that it says nothing: its driver would wait far longer for it. */
export async function answeredSoon(asked: Promise<Health>, clock: Clock): Promise<Health> {
  const answered = new AbortController()
  const late = async (): Promise<Health> => {
    await pause(clock, limitMs, answered.signal)
    return { healthy: false, words: `no answer within ${limitMs / 1000} s` }
  }
  try {
    return await Promise.race([asked, late()])
  } finally {
    answered.abort()
  }
}
