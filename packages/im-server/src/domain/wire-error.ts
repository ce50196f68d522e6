import { InvalidRowError } from '@parlance/cached-repository'
import { ParlanceError } from '@parlance/core'
import { TooManySubscriptionsError, UndecodableError, UnknownOpError } from '@parlance/gateway'
import { errorCodes, ProtocolError } from '@parlance/openim-protocol'
import { ImError } from './im-error.ts'
import { PartMismatchError, StorageFullError, UnknownUploadError } from './objects/object-storage.ts'

/** What a client is told of a failure. */
export interface WireFailure {
  readonly errCode: number
  readonly detail: string
}

/** Turns any failure into what the client is told; what is not meant for clients becomes a general sentence. */
export function wireFailure(error: unknown): WireFailure {
  if (error instanceof ImError) return { errCode: error.errCode, detail: error.message }
  if (error instanceof UnknownOpError || error instanceof UndecodableError)
    return { errCode: errorCodes.ArgsError, detail: error.message }
  if (error instanceof TooManySubscriptionsError) return { errCode: errorCodes.TooManyError, detail: error.message }
  if (error instanceof ProtocolError) return { errCode: errorCodes.ArgsError, detail: error.message }
  if (error instanceof InvalidRowError) return { errCode: errorCodes.ArgsError, detail: error.message }
  if (error instanceof PartMismatchError) return { errCode: errorCodes.ArgsError, detail: error.message }
  if (error instanceof UnknownUploadError)
    return { errCode: errorCodes.FileUploadedExpiredError, detail: error.message }
  if (error instanceof StorageFullError) return { errCode: errorCodes.ServerBusyError, detail: error.message }
  if (ParlanceError.is(error)) {
    if (error.code.startsWith('SQLITE_'))
      return {
        errCode: errorCodes.ServerInternalError,
        detail: 'the server cannot write to its disk: nothing was stored; try again later',
      }
    if (error.retryable) return { errCode: errorCodes.ServerBusyError, detail: 'the server is busy: try again' }
  }
  return { errCode: errorCodes.ServerInternalError, detail: 'internal error' }
}
