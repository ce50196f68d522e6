import { ParlanceError } from '@parlance/core'

/** A codec cannot read a message. The connection is closed with `closeCodes.undecodable`. */
export class UndecodableError extends ParlanceError {
  static override readonly code = 'GATEWAY_UNDECODABLE'
}

/** A request names an op that nobody serves. */
export class UnknownOpError extends ParlanceError {
  static override readonly code = 'GATEWAY_UNKNOWN_OP'
}

/** A session wants to watch the presence of more subjects, or of subjects with longer names, than one session may. */
export class TooManySubscriptionsError extends ParlanceError {
  static override readonly code = 'GATEWAY_TOO_MANY_SUBSCRIPTIONS'
}
