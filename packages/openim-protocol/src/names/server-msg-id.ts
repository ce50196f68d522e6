import { createHash } from 'node:crypto'

const idLength = 32

/**
 * The server's id of a message: 32 hexadecimal digits.
 *
 * Equal senders and client ids give equal ids, on every node and at every time, so that a repeated send is answered alike.
 */
export const serverMsgID = (sendID: string, clientMsgID: string): string =>
  createHash('sha256').update(`${sendID.length}:${sendID}${clientMsgID}`).digest('hex').slice(0, idLength)
