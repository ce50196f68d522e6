import { ParlanceError, type ParlanceErrorOptions } from '@parlance/core'

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

/** A node did not answer in time. Whether it was called all the same, `details.outcome` says: 'not-sent' or 'unknown'. */
export class NodeUnreachableError extends ParlanceError {
  static override readonly code = 'GATEWAY_NODE_UNREACHABLE'
  static override readonly retryable = true
}

/** A node is not part of the cluster any more; its sessions are gone with it. */
export class NodeGoneError extends ParlanceError {
  static override readonly code = 'GATEWAY_NODE_GONE'
}

/** A node failed to do what it was called for; `details.remoteCode` is the code of its own error. */
export class NodeCallError extends ParlanceError {
  static override readonly code = 'GATEWAY_NODE_CALL_FAILED'
  override readonly retryable: boolean

  constructor(message: string, isRetryable: boolean, options: ParlanceErrorOptions = {}) {
    super(message, options)
    this.retryable = isRetryable
  }
}

/** The other end of a link does not keep to its rules, or does not know the cluster's secret. The connection is cut. */
export class LinkProtocolError extends ParlanceError {
  static override readonly code = 'GATEWAY_LINK_PROTOCOL'
}

/** A process cannot listen for the calls of others; the message says where, why, and the cure. */
export class NodeHostError extends ParlanceError {
  static override readonly code = 'GATEWAY_NODE_HOST'
}

/** A node has left the cluster, or another one joined under its name. */
export class NodeNameTakenError extends ParlanceError {
  static override readonly code = 'GATEWAY_NODE_NAME_TAKEN'
}
