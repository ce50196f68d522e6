import { OverloadedError } from '@parlance/core'
import { errorCodes } from '@parlance/openim-protocol'
import { ImError } from './im-error.ts'

/**
 * Does work that nobody waits for. Where a request would be told to come again (1801), the failure says that it may pass: the bus
 * then brings the work again, however often, instead of giving it up.
 *
 * @throws {@link OverloadedError} for 1801; what else the work throws passes through.
 */
export async function waitsWhenBusy<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof ImError && error.errCode === errorCodes.ServerBusyError)
      throw new OverloadedError('the work waits until the server is less busy', { cause: error })
    throw error
  }
}
