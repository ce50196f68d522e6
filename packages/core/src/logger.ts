/** Facts that go with a log line. Secrets and message bodies are never among them. */
export type LogFields = Readonly<Record<string, unknown>>

/** Where log lines go. Its shape is the one pino has, arguments turned round: the words first. */
export interface Logger {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
}

const drop = (): void => undefined

/** A logger that says nothing; the default of every library class. */
export const silentLogger: Logger = { debug: drop, info: drop, warn: drop, error: drop }
