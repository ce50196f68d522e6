import { openKafka } from '@parlance/engines/kafka'

/** Opens a connection and tells why it could not. */
export async function main([broker]: string[]): Promise<void> {
  await openKafka({ brokers: [broker!] }).catch(
    (error: { code?: string }) => void process.stdout.write(`${error.code}\n`),
  )
}
