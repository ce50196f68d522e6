import { ParlanceError } from '@parlance/core'

/** The codec refused a value that was loaded, or could not read bytes it had written itself. The codec's error is the cause. */
export class CacheCodecError extends ParlanceError {
  static override readonly code = 'CACHE_CODEC'
}
