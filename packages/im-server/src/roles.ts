/**
 * What a process may do of the server's work:
 * `api` answers over HTTP, `gateway` holds the sessions, `transfer` numbers and stores accepted messages and does what follows from
 * writes, `push` brings messages to sessions, `cron` tidies up, one process at a time.
 */
export const roles = ['api', 'gateway', 'transfer', 'push', 'cron'] as const

/** One of the {@link roles}. */
export type Role = (typeof roles)[number]

/** Tells whether a word names a role. */
export const isRole = (word: string): word is Role => (roles as readonly string[]).includes(word)
