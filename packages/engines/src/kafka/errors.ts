import { ParlanceError } from '@parlance/core'

/** No broker could be reached, none answered in time, or the cluster is electing: try again. */
export class KafkaUnavailableError extends ParlanceError {
  static override readonly code = 'KAFKA_UNAVAILABLE'
  static override readonly retryable = true
}

/** The topic does not exist (any more). */
export class KafkaTopicMissingError extends ParlanceError {
  static override readonly code = 'KAFKA_TOPIC_MISSING'
  static override readonly retryable = true
}

/** Fewer brokers than `min.insync.replicas` asks for hold the partition: nothing was stored for sure. */
export class KafkaReplicasError extends ParlanceError {
  static override readonly code = 'KAFKA_TOO_FEW_REPLICAS'
  static override readonly retryable = true
}

/** The cluster refused who we are, or what we may do. */
export class KafkaAccessError extends ParlanceError {
  static override readonly code = 'KAFKA_ACCESS_DENIED'
}

/** A record is larger than the topic's `max.message.bytes`; it was not stored. */
export class KafkaTooLargeError extends ParlanceError {
  static override readonly code = 'KAFKA_TOO_LARGE'
}

/** The cluster refused the request for what it is: a setting, a name, an unsupported version. */
export class KafkaRefusedError extends ParlanceError {
  static override readonly code = 'KAFKA_REFUSED'
}

/** The cluster lost track of the producer's numbering; a new producer can go on. */
export class KafkaProducerLostError extends ParlanceError {
  static override readonly code = 'KAFKA_PRODUCER_LOST'
  static override readonly retryable = true
}

interface ForeignError {
  readonly name: string
  readonly message: string
  /** The protocol's name of the error. */
  readonly type?: string
  readonly retriable?: boolean
  readonly cause?: unknown
  readonly originalError?: unknown
  readonly errors?: readonly unknown[]
}

const isForeign = (value: unknown): value is ForeignError => value instanceof Error

/** What lies under the library's layers of "retries exceeded" and the like. */
function rootOf(error: ForeignError): ForeignError {
  const inner = error.errors?.[0] ?? error.cause ?? error.originalError
  return isForeign(inner) && inner !== error ? rootOf(inner) : error
}

const tooLarge = ['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE']
const tooFew = ['NOT_ENOUGH_REPLICAS', 'NOT_ENOUGH_REPLICAS_AFTER_APPEND']
const lost = [
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'UNKNOWN_PRODUCER_ID',
  'INVALID_PRODUCER_EPOCH',
  'DUPLICATE_SEQUENCE_NUMBER',
]
const access = /AUTHORIZATION|AUTHENTICATION|SASL/i

/**
 * Turns what the Kafka library threw into one of the errors above; errors of ours pass unchanged.
 *
 * @param where - the brokers, or the topic, for the words of the message.
 */
export function convertKafkaError(error: unknown, where: string): ParlanceError {
  if (ParlanceError.is(error)) return error
  const root = isForeign(error) ? rootOf(error) : undefined
  const type = root?.type ?? ''
  const message = root?.message ?? String(error)
  const options = { cause: error, details: { where, protocol: type === '' ? undefined : type } }
  if (tooLarge.includes(type))
    return new KafkaTooLargeError(`${where}: a record is larger than the topic's max.message.bytes`, options)
  if (type === 'UNKNOWN_TOPIC_OR_PARTITION')
    return new KafkaTopicMissingError(`${where}: the topic does not exist; create it, or check the prefix`, options)
  if (tooFew.includes(type))
    return new KafkaReplicasError(
      `${where}: fewer in-sync replicas than min.insync.replicas asks for; start the missing brokers`,
      options,
    )
  if (lost.includes(type)) return new KafkaProducerLostError(`${where}: ${message}`, options)
  if (access.test(type) || access.test(root?.name ?? ''))
    return new KafkaAccessError(`${where}: access denied (${message}); check the credentials and the ACLs`, options)
  if (root?.retriable === false && type !== '') return new KafkaRefusedError(`${where}: ${message}`, options)
  return new KafkaUnavailableError(
    `${where}: ${message}; check that the brokers run and that their advertised addresses can be reached from here (PARLANCE_KAFKA_BROKERS)`,
    options,
  )
}
