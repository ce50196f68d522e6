import { ClosedError, ParlanceError } from '@parlance/core'
import {
  MongoBulkWriteError,
  MongoClientClosedError,
  MongoCompatibilityError,
  MongoError,
  MongoNetworkError,
  MongoNetworkTimeoutError,
  MongoNotConnectedError,
  MongoOperationTimeoutError,
  MongoServerError,
  MongoServerSelectionError,
  MongoTopologyClosedError,
  MongoWriteConcernError,
} from 'mongodb'

/** MongoDB cannot be reached, or has no primary just now. Nothing is known of a write that was on its way. */
export class MongoUnavailableError extends ParlanceError {
  static override readonly code = 'MONGO_UNAVAILABLE'
  static override readonly retryable = true
}

/** MongoDB did not answer, or not durably, in time: a write may have been stored all the same. */
export class MongoTimeoutError extends ParlanceError {
  static override readonly code = 'MONGO_TIMEOUT'
  static override readonly retryable = true
}

/**
 * A document with this key, or with this value of a unique index, exists already.
 *
 * `details.index` names the index (`_id_` for the key). `positions` are the places in the bulk write that met it; [0] for
 * a single write.
 */
export class MongoDuplicateError extends ParlanceError {
  static override readonly code = 'MONGO_DUPLICATE'
  readonly positions: readonly number[]

  constructor(message: string, positions: readonly number[], options: ConstructorParameters<typeof ParlanceError>[1]) {
    super(message, options)
    this.positions = positions
  }
}

/** MongoDB refused the user, the password, or what the user may do. */
export class MongoAccessError extends ParlanceError {
  static override readonly code = 'MONGO_ACCESS'
}

/** The URL cannot be understood, or asks for something that is not offered. */
export class MongoAddressError extends ParlanceError {
  static override readonly code = 'MONGO_ADDRESS'
}

/** The server is too old (MongoDB 4.4 is the oldest) or too new for the library that talks to it. */
export class MongoVersionError extends ParlanceError {
  static override readonly code = 'MONGO_VERSION'
}

/** A document would outgrow the 16 MiB that MongoDB stores at most. */
export class MongoTooLargeError extends ParlanceError {
  static override readonly code = 'MONGO_TOO_LARGE'
}

/** MongoDB refused a command: a defect of the caller, or a server set up in another way than expected. */
export class MongoCommandError extends ParlanceError {
  static override readonly code = 'MONGO_COMMAND'
}

const accessCodes = new Set([11, 13, 18, 33, 8000])
const timeoutCodes = new Set([24, 50, 64, 202, 262])
const tooLargeCodes = new Set([10334, 17280, 17419, 17420, 17421])
/** Step-downs, elections, shutdowns, lost hosts, write conflicts, reads before the first majority. */
const unavailableCodes = new Set([
  6, 7, 63, 89, 91, 100, 112, 133, 134, 150, 189, 234, 9001, 10107, 11600, 11602, 13388, 13435, 13436, 14031,
])
const unavailableLabels = ['RetryableWriteError', 'TransientTransactionError', 'PoolRequestedRetry', 'ResetPool']

const duplicate = 11000
const indexInText = /index: (\S+) dup key/
const handshake = 'HandshakeError'

/** Turns what the MongoDB library threw into one of the errors above; errors of ours pass unchanged. */
export function convertMongoError(error: unknown, server: string): ParlanceError {
  if (ParlanceError.is(error)) return error
  const message = error instanceof Error ? error.message : String(error)
  if (!(error instanceof MongoError)) return new MongoCommandError(message, { cause: error, details: { server } })
  // A bulk write hides what the library itself met, a lost connection for example, behind an error of its own.
  const hidden = error instanceof MongoBulkWriteError ? (error.errorResponse as unknown) : undefined
  return hidden instanceof MongoError
    ? convertMongoError(hidden, server)
    : (ofLibrary(error, server) ?? ofServer(error, server))
}

function ofLibrary(error: MongoError, server: string): ParlanceError | undefined {
  const options = { cause: error, details: { server } }
  if (
    error instanceof MongoClientClosedError ||
    error instanceof MongoTopologyClosedError ||
    error instanceof MongoNotConnectedError ||
    error.name === 'MongoPoolClosedError'
  )
    return new ClosedError('the connection to MongoDB was closed; open a new one', options)
  if (error instanceof MongoCompatibilityError)
    return new MongoVersionError(`${server} cannot be used (${error.message}): run MongoDB 4.4 or newer`, options)
  if (error instanceof MongoServerSelectionError) {
    const cause = error.cause ?? error.reason?.error
    // A server that refuses the password, or is too old, is never selected: the reason is what helps.
    if (cause instanceof MongoServerError || cause instanceof MongoCompatibilityError)
      return convertMongoError(cause, server)
    return new MongoUnavailableError(
      `${server} cannot be reached (${error.message}): check that it runs, and PARLANCE_MONGO_URL`,
      options,
    )
  }
  if (error instanceof MongoNetworkTimeoutError || error instanceof MongoOperationTimeoutError)
    return new MongoTimeoutError(`${server} did not answer in time (${error.message})`, options)
  if (error.name === 'MongoWaitQueueTimeoutError')
    return new MongoTimeoutError(`no connection to ${server} became free in time: it is slow, or too few`, options)
  if (error instanceof MongoNetworkError || error.name === 'MongoPoolClearedError')
    return new MongoUnavailableError(`the connection to ${server} was lost (${error.message})`, options)
  return undefined
}

function ofServer(error: MongoError, server: string): ParlanceError {
  const code = typeof error.code === 'number' ? error.code : 0
  const options = { cause: error, details: { server, mongo: code } }
  if (error instanceof MongoBulkWriteError) {
    const notDurable = error.result.getWriteConcernError()
    if (notDurable !== undefined && code === duplicate)
      return new MongoTimeoutError(`${server} did not confirm a bulk write durably (${notDurable.errmsg})`, options)
  }
  if (code === duplicate) return toDuplicate(error, server)
  if (accessCodes.has(code) || (error.hasErrorLabel(handshake) && code !== 0))
    return new MongoAccessError(
      `${server} refused the user, the password or the right (${error.message}): check them in PARLANCE_MONGO_URL`,
      options,
    )
  if (timeoutCodes.has(code)) return new MongoTimeoutError(`${server} was not done in time (${error.message})`, options)
  if (tooLargeCodes.has(code)) return new MongoTooLargeError(error.message, options)
  if (unavailableCodes.has(code) || unavailableLabels.some((label) => error.hasErrorLabel(label)))
    return new MongoUnavailableError(`${server} cannot take this just now (${error.message})`, options)
  if (error instanceof MongoWriteConcernError)
    return new MongoTimeoutError(`${server} did not confirm a write durably (${error.message})`, options)
  return new MongoCommandError(`${server}: ${error.message}`, options)
}

function toDuplicate(error: MongoError, server: string): ParlanceError {
  const index = indexInText.exec(error.message)?.[1] ?? 'unknown'
  const positions: number[] = []
  if (error instanceof MongoBulkWriteError) {
    for (const writeError of [error.writeErrors].flat()) {
      if (writeError.code !== duplicate) return ofServer(new MongoServerError(writeError.err), server)
      positions.push(writeError.index)
    }
  }
  return new MongoDuplicateError(
    `the index ${index} holds this value already`,
    positions.length === 0 ? [0] : positions,
    { cause: error, details: { server, mongo: duplicate, index } },
  )
}
