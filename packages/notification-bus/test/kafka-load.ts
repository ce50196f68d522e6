import type { LogRecord } from '@parlance/notification-bus'
import type { KafkaEventLog } from '@parlance/notification-bus/kafka'
import { until } from '@parlance/testing'

/** So many records may be acknowledged and not handled: the members always have work and are never left far behind. */
const maxAhead = 500

/** What a publisher under load has brought about so far. */
export interface KafkaLoad {
  /** The texts that were acknowledged, in the order in which they were. */
  readonly acknowledged: readonly string[]
  /** Ends it; resolves when the last publish was answered, and fails as a publish failed. */
  stop(): Promise<void>
}

/**
 * Publishes `<key>-<round>` on `keyCount` keys at once, one record of a key after the other, as fast as they are
 * acknowledged and handled.
 *
 * @param handledCount - how many records were handled so far.
 * @param mayRepeat - tells whether what was rejected is published again, as a client would; else the load fails.
 */
export function publishUnderLoad(
  log: KafkaEventLog,
  {
    keyCount,
    handledCount,
    mayRepeat = () => false,
  }: { keyCount: number; handledCount: () => number; mayRepeat?: (error: { retryable?: boolean }) => boolean },
): KafkaLoad {
  const acknowledged: string[] = []
  let isOver = false
  const store = async (record: LogRecord): Promise<void> => {
    for (;;) {
      try {
        return await log.publish('t', [record])
      } catch (error) {
        if (!mayRepeat(error as { retryable?: boolean })) throw error
      }
    }
  }
  const publishing = Promise.all(
    Array.from({ length: keyCount }, async (_, key) => {
      for (let round = 0; !isOver; round++) {
        const text = `${key}-${round}`
        await store({ key: `k${key}`, payload: Buffer.from(text) })
        acknowledged.push(text)
        await until('the members follow', () => isOver || acknowledged.length - handledCount() < maxAhead, 60_000)
      }
    }),
  )
  return {
    acknowledged,
    async stop() {
      isOver = true
      await publishing
    },
  }
}
