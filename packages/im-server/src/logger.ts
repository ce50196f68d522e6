import type { LogFields, Logger } from '@parlance/core'
import { type DestinationStream, pino } from 'pino'

/** Where log lines go unless a test says otherwise; every line is written before the call returns. */
const errorOutput = (): DestinationStream => pino.destination({ fd: 2, sync: true })

/**
 * Writes JSON lines to the process's error output, so that what the server says to people stays apart.
 *
 * Of an error the name, code, message, stack and causes are written, under whatever name it is given; never what else its library
 * hung on it, which may be a secret.
 */
export function createLogger(level: string, destination = errorOutput()): Logger {
  const formatters = { log: (fields: LogFields) => readable(fields) }
  const serializers = { err: (error: unknown) => error }
  const settings = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters, serializers }
  const out = pino(settings, destination)
  return {
    debug: (message, fields = {}) => out.debug(fields, message),
    info: (message, fields = {}) => out.info(fields, message),
    warn: (message, fields = {}) => out.warn(fields, message),
    error: (message, fields = {}) => out.error(fields, message),
  }
}

const maxCauses = 3

function readable(fields: LogFields): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, value instanceof Error ? readableError(value) : value]),
  )
}

function readableError(error: Error, causesLeft = maxCauses): Record<string, unknown> {
  const { name, message, stack, cause } = error
  const { code } = error as { code?: unknown }
  return {
    name,
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    message,
    stack,
    ...(cause instanceof Error && causesLeft > 0 ? { cause: readableError(cause, causesLeft - 1) } : {}),
  }
}
