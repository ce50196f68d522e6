import type { Logger } from '@parlance/core'
import { pino } from 'pino'

/** Writes JSON lines to the process's error output, so that what the server says to people stays apart. */
export function createLogger(level: string): Logger {
  const out = pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ fd: 2, sync: true }),
  )
  return {
    debug: (message, fields = {}) => out.debug(fields, message),
    info: (message, fields = {}) => out.info(fields, message),
    warn: (message, fields = {}) => out.warn(fields, message),
    error: (message, fields = {}) => out.error(fields, message),
  }
}
