import { SendFrame } from '../wire/send-frame.ts'
import type { LoadContext } from './load-context.ts'
import { MessagingLoad } from './messaging-load.ts'
import { platformID, type ServerApi } from './server-api.ts'

const publisher = 0
const expectedMessageCount = 2 ** 16

/**
 * W2: the first member of a room keeps a fixed number of messages on their way. A message is on its way until it is
 * acknowledged and has reached every member's connection, the publisher's own included.
 */
export class RoomLoad extends MessagingLoad {
  #frame: SendFrame | undefined
  #free = 0

  constructor(context: LoadContext) {
    super(context, { receiverCount: context.shape.roomSize, fanOut: 'all', expectedMessageCount })
  }

  answered(_lane: number, number: number, errCode: number): void {
    if (this.takeAnswer(number, errCode)) this.#settle(number)
  }

  received(lane: number, number: number, seq: number): void {
    if (number >= 0 && this.takeDelivery(lane, number, seq)) this.#settle(number)
  }

  chunkEnds(): void {
    if (this.#free === 0 || !this.isSending) return
    const free = this.#free
    this.#free = 0
    this.sendNow(publisher, this.#frame!, free)
  }

  protected userIDs(): string[] {
    return Array.from({ length: this.context.shape.roomSize }, (_, lane) => `room-${lane}`)
  }

  protected async prepare(api: ServerApi, userIDs: readonly string[], tokens: readonly string[]): Promise<void> {
    const groupID = await api.createGroup(userIDs, tokens[publisher]!)
    const { textBytes } = this.context.shape
    this.#frame = new SendFrame({ sendID: userIDs[publisher]!, platformID, to: { groupID }, textBytes })
  }

  protected begin(): void {
    this.#free = this.context.shape.roomInFlight
    this.chunkEnds()
  }

  protected gaveUp(): void {
    this.#free += 1
    this.chunkEnds()
  }

  #settle(number: number): void {
    if (this.ledger.isSettled(number) && !this.ledger.isAbandoned(number)) this.#free += 1
  }
}
