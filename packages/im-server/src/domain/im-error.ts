import { ParlanceError, type ParlanceErrorOptions } from '@parlance/core'

/** A refusal or failure that a client is told of: OpenIM's numeric code and a sentence with the cure. */
export class ImError extends ParlanceError {
  static override readonly code = 'IM_REFUSED'

  /** OpenIM's error code, see `errorCodes` of @parlance/openim-protocol. */
  readonly errCode: number

  constructor(errCode: number, detail: string, options?: ParlanceErrorOptions) {
    super(detail, options)
    this.errCode = errCode
  }
}
