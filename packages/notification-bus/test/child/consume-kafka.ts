import { openKafka } from '@parlance/engines/kafka'
import { createKafkaEventLog } from '@parlance/notification-bus/kafka'

/** Consumes without end; writes what was handled. */
export async function main([brokers, prefix]: string[]): Promise<void> {
  const kafka = await openKafka({ brokers: brokers!.split(',') })
  const log = createKafkaEventLog({ kafka, prefix: prefix!, sessionMs: 1000 })
  await log.subscribe(
    't',
    'g',
    async (records) => {
      for (const { partition, offset, payload } of records)
        process.stdout.write(`${partition} ${offset} ${Buffer.from(payload).toString()};\n`)
    },
    { maxBatch: 10 },
  )
}
