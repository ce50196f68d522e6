import { ParlanceError } from '@parlance/core'

/** The server cannot run with what it was given; the message says what to change. */
export class ConfigError extends ParlanceError {
  static override readonly code = 'IM_CONFIG'
}
