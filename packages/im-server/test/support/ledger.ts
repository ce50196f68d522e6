import type { MsgData } from '@parlance/openim-protocol'

/** What a sender knows: the server confirmed this message. */
export interface Acknowledged {
  readonly conversationID: string
  readonly sendID: string
  readonly clientMsgID: string
  readonly serverMsgID: string
}

/** Everything that was acknowledged, to be held against what readers find. */
export class Ledger {
  readonly acknowledged: Acknowledged[] = []

  acknowledge(entry: Acknowledged): void {
    this.acknowledged.push(entry)
  }

  /** Every way in which what a reader found of a conversation contradicts what was acknowledged; empty when all is well. */
  contradictions(
    conversationID: string,
    found: readonly Pick<MsgData, 'seq' | 'sendID' | 'clientMsgID' | 'serverMsgID'>[],
  ): string[] {
    const wrong: string[] = []
    const seen = new Map<string, number>()
    found.forEach(({ seq, sendID, clientMsgID }, index) => {
      if (seq !== index + 1) wrong.push(`${conversationID}: number ${seq} stands where ${index + 1} belongs`)
      const key = `${sendID}/${clientMsgID}`
      if (seen.has(key)) wrong.push(`${conversationID}: ${key} is there twice, as ${seen.get(key)} and ${seq}`)
      seen.set(key, seq)
    })
    const stored = new Map(found.map((message) => [`${message.sendID}/${message.clientMsgID}`, message.serverMsgID]))
    for (const { conversationID: where, sendID, clientMsgID, serverMsgID } of this.acknowledged) {
      if (where !== conversationID) continue
      const key = `${sendID}/${clientMsgID}`
      if (!stored.has(key)) wrong.push(`${conversationID}: ${key} was acknowledged and is lost`)
      else if (stored.get(key) !== serverMsgID)
        wrong.push(`${conversationID}: ${key} was answered with another serverMsgID`)
    }
    return wrong
  }
}
