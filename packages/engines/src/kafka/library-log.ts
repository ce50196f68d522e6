import type { Logger } from '@parlance/core'
import { type logCreator, logLevel } from 'kafkajs'

/**
 * Sends the library's lines to our logger as debug: it calls an ordinary retry an error. What matters reaches the log
 * through the errors that the drivers convert.
 */
export const logThrough =
  (logger: Logger): logCreator =>
  () =>
  ({ level, namespace, log }) => {
    if (level > logLevel.WARN) return
    const { message, timestamp: _, logger: __, stack: ___, ...fields } = log
    logger.debug(`kafkajs ${namespace}: ${message}`, fields)
  }
