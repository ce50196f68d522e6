import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { DeliveryLedger } from '../src/delivery-ledger.ts'

const faultless = {
  refusedCount: 0,
  unansweredCount: 0,
  lostCount: 0,
  duplicateCount: 0,
  seqReorderedCount: 0,
  sendOrderBrokenCount: 0,
  seqGapCount: 0,
  strayCount: 0,
}

interface Delivery {
  readonly number: number
  readonly receiver: number
  readonly seq: number
}

/** Sends and acknowledges messages to everyone; `deliveries` is what a faultless server would hand out. */
function room(messageCount: number, receiverCount: number): { ledger: DeliveryLedger; deliveries: Delivery[] } {
  const ledger = new DeliveryLedger({ receiverCount, fanOut: 'all', expectedMessageCount: 2 })
  const deliveries: Delivery[] = []
  for (let index = 0; index < messageCount; index += 1) {
    const number = ledger.send(index, 0)
    ledger.acknowledge(number)
    for (let receiver = 0; receiver < receiverCount; receiver += 1)
      deliveries.push({ number, receiver, seq: index + 7 })
  }
  return { ledger, deliveries }
}

function deliverAll(ledger: DeliveryLedger, deliveries: readonly Delivery[]): void {
  for (const { number, receiver, seq } of deliveries) ledger.deliver(number, receiver, seq)
}

describe('DeliveryLedger', () => {
  it('finds nothing wrong with a faultless room', () => {
    const { ledger, deliveries } = room(20, 9)
    deliverAll(ledger, deliveries)
    const counts = { sentCount: 20, acknowledgedCount: 20, deliveredCount: 180 }
    expect(ledger.report()).toEqual({ ...counts, ...faultless })
    expect(ledger.isAllSettled).toBe(true)
  })

  it('counts exactly the deliveries that are taken away', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(59), { minLength: 1 }), (taken) => {
        const { ledger, deliveries } = room(12, 5)
        deliverAll(
          ledger,
          deliveries.filter((_, index) => !taken.includes(index)),
        )
        expect(ledger.report()).toMatchObject({ lostCount: taken.length, duplicateCount: 0, seqReorderedCount: 0 })
        expect(ledger.isAllSettled).toBe(false)
      }),
    )
  })

  it('counts exactly the deliveries that are repeated, wherever they are', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(59), fc.nat(20)), { minLength: 1 }), (repeats) => {
        const { ledger, deliveries } = room(12, 5)
        const withRepeats = [...deliveries]
        for (const [index, later] of repeats) {
          const first = withRepeats.indexOf(deliveries[index]!)
          withRepeats.splice(first + 1 + later, 0, deliveries[index]!)
        }
        deliverAll(ledger, withRepeats)
        expect(ledger.report()).toMatchObject({ ...faultless, duplicateCount: repeats.length })
      }),
    )
  })

  it('notices two messages that change places at one receiver', () => {
    const { ledger, deliveries } = room(3, 2)
    const atReceiver = (receiver: number) => deliveries.filter((delivery) => delivery.receiver === receiver)
    const [first, second, third] = atReceiver(1)
    deliverAll(ledger, [...atReceiver(0), first!, third!, second!])
    expect(ledger.report()).toMatchObject({ ...faultless, seqReorderedCount: 1, sendOrderBrokenCount: 1 })
  })

  it('tells a sender overtaken in the seqs from a receiver that saw the seqs out of order', () => {
    const ledger = new DeliveryLedger({ receiverCount: 1, fanOut: 'all' })
    for (const atMs of [1, 2]) ledger.acknowledge(ledger.send(atMs, 0))
    ledger.deliver(1, 0, 1)
    ledger.deliver(0, 0, 2)
    expect(ledger.report()).toMatchObject({ ...faultless, sendOrderBrokenCount: 1 })
  })

  it('counts seqs that were skipped, and a seq that was given twice', () => {
    const ledger = new DeliveryLedger({ receiverCount: 1, fanOut: 'all' })
    for (const seq of [4, 5, 9, 9]) {
      const number = ledger.send(0, 0)
      ledger.acknowledge(number)
      ledger.deliver(number, 0, seq)
    }
    expect(ledger.report()).toMatchObject({ seqReorderedCount: 1, seqGapCount: 2 })
  })

  it('counts a message at the wrong receiver as stray, and as lost', () => {
    const ledger = new DeliveryLedger({ receiverCount: 3, fanOut: 'one' })
    const number = ledger.send(0, 2)
    ledger.acknowledge(number)
    expect(ledger.deliver(number, 1, 1)).toBe(false)
    expect(ledger.deliver(5, 1, 1)).toBe(false)
    expect(ledger.report()).toMatchObject({ strayCount: 2, lostCount: 1 })
  })

  it('takes one answer per message, and none for messages nobody sent', () => {
    const ledger = new DeliveryLedger({ receiverCount: 1, fanOut: 'one' })
    const [first, second, third] = [ledger.send(0, 0), ledger.send(0, 0), ledger.send(0, 0)]
    expect(ledger.acknowledge(first)).toBe(true)
    expect(ledger.acknowledge(first)).toBe(false)
    expect(ledger.refuse(second)).toBe(true)
    expect(ledger.acknowledge(second)).toBe(false)
    expect(ledger.acknowledge(99)).toBe(false)
    expect(ledger.isAnswered(third)).toBe(false)
    expect(ledger.report()).toMatchObject({ acknowledgedCount: 1, refusedCount: 1, unansweredCount: 1 })
  })

  it('gives up on what is overdue, once, and still counts it as lost', () => {
    const ledger = new DeliveryLedger({ receiverCount: 1, fanOut: 'one' })
    const [delivered, silent, recent] = [ledger.send(0, 0), ledger.send(10, 0), ledger.send(90, 0)]
    for (const number of [delivered, silent, recent]) ledger.acknowledge(number)
    ledger.deliver(delivered, 0, 1)
    const abandoned: number[] = []
    for (const beforeMs of [50, 50]) ledger.abandon(beforeMs, (number) => abandoned.push(number))
    expect(abandoned).toEqual([silent])
    expect(ledger.isAllSettled).toBe(false)
    ledger.deliver(recent, 0, 3)
    expect(ledger.isAllSettled).toBe(false)
    expect(ledger.report()).toMatchObject({ lostCount: 1, seqGapCount: 1 })
    ledger.deliver(silent, 0, 4)
    expect(ledger.isAllSettled).toBe(true)
    expect(ledger.report()).toMatchObject({ lostCount: 0 })
  })

  it('keeps everything when it outgrows the room made at the start', () => {
    const ledger = new DeliveryLedger({ receiverCount: 3, fanOut: 'all', expectedMessageCount: 1 })
    for (let index = 0; index < 50; index += 1) {
      const number = ledger.send(index, 0)
      ledger.acknowledge(number)
      for (const receiver of [0, 1, 2]) ledger.deliver(number, receiver, index + 1)
    }
    expect(ledger.sentAtMs(49)).toBe(49)
    expect(ledger.report()).toMatchObject({ ...faultless, deliveredCount: 150 })
  })
})
