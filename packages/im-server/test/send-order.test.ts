import { describe, expect, it } from 'vitest'
import { type Place, SendOrder } from '../src/domain/messages/send-order.ts'

/** Tells of each step when it happens. */
function recorder(order: SendOrder) {
  const come: string[] = []
  const enter = (name: string, sender = 'ada', conversation = 'bob'): Place => {
    const place = order.enter(sender, conversation)
    const coming = place.come()
    if (coming === undefined) come.push(name)
    else void coming.then(() => come.push(name))
    return place
  }
  const settled = () => new Promise((resolve) => setImmediate(resolve))
  return { come, enter, settled }
}

describe('the order of what one sender writes to one conversation', () => {
  it('nobody comes before those ahead have left', async () => {
    const order = new SendOrder()
    const { come, enter, settled } = recorder(order)
    const [first, second, third] = [enter('first'), enter('second'), enter('third')]
    await settled()
    expect(come).toEqual(['first'])
    first.leave()
    await settled()
    expect(come).toEqual(['first', 'second'])
    second.leave()
    third.leave()
    await settled()
    expect(come).toEqual(['first', 'second', 'third'])
    expect(order.size).toBe(0)
  })

  it('one that is refused while it waits lets nobody past those ahead of it', async () => {
    const order = new SendOrder()
    const { come, enter, settled } = recorder(order)
    const [first, refused, third] = [enter('first'), enter('refused'), enter('third')]
    refused.leave()
    await settled()
    expect(come).toEqual(['first'])
    first.leave()
    await settled()
    expect(come.at(-1)).toBe('third')
    third.leave()
    expect(order.size).toBe(0)
  })

  it('other senders and other conversations wait for nobody', () => {
    const order = new SendOrder()
    const { come, enter } = recorder(order)
    enter('ada to bob')
    enter('ada to cyd', 'ada', 'cyd')
    enter('bob to ada', 'bob', 'ada')
    expect(come).toEqual(['ada to bob', 'ada to cyd', 'bob to ada'])
    expect(order.size).toBe(3)
  })
})
