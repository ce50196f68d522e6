import { InvalidArgumentError } from '@parlance/core'
import { createGateway, json, type Session } from '@parlance/gateway'
import { Op, opsOf } from '@parlance/gateway/decorators'
import { describe, expect, it } from 'vitest'
import { identify, Site } from './harness.ts'

class Prices {
  readonly symbols: string[] = []

  @Op('subscribe')
  async subscribe(session: Session, symbols: string[]) {
    this.symbols.push(...symbols)
    return { subject: session.subject, count: this.symbols.length }
  }

  @Op('unsubscribe')
  unsubscribe(_: Session, __: unknown, request: { op: string }) {
    return request.op
  }
}

class MorePrices extends Prices {
  @Op(17)
  history() {
    return 'history'
  }

  override async subscribe(session: Session, symbols: string[]) {
    return super.subscribe(session, [...symbols, 'extra'])
  }
}

describe('@Op', () => {
  it('makes a method serve an op, with its object, the data and the request', async () => {
    const prices = new Prices()
    const site = await Site.open({ ops: opsOf(prices) })
    const ann = await site.connect('ann')
    expect((await ann.ask('subscribe', ['ACME', 'EMCA'])).data).toEqual({ subject: 'ann', count: 2 })
    expect((await ann.ask('unsubscribe')).data).toBe('unsubscribe')
    expect(prices.symbols).toEqual(['ACME', 'EMCA'])
    await site.close()
  })

  it('is inherited and does not leak into the base class', () => {
    expect(Object.keys(opsOf(new MorePrices())).toSorted()).toEqual(['17', 'subscribe', 'unsubscribe'])
    expect(Object.keys(opsOf(new Prices())).toSorted()).toEqual(['subscribe', 'unsubscribe'])
  })

  it('serves what an object adds later, and refuses an op that is served already', async () => {
    const site = await Site.open()
    site.gateway.serve(opsOf(new MorePrices()))
    const ann = await site.connect('ann')
    expect((await ann.ask('17')).data).toBe('history')
    expect(() => site.gateway.serve(opsOf(new Prices()))).toThrow('op subscribe is served already')
    await site.close()
  })

  it('objects without ops are refused', () => {
    expect(() => opsOf(new Date())).toThrow(InvalidArgumentError)
  })
})

describe('numeric ops', () => {
  it('are found by number', async () => {
    interface Request {
      readonly op: number
    }
    const site = await Site.around(
      createGateway<Request, { op: string; id?: string; data?: unknown }>({
        authenticate: identify,
        codecs: [
          {
            name: 'numbers',
            slowConsumer: 'close',
            pings: false,
            decode: (bytes) => ({ kind: 'message', message: { op: Number(bytes.toString()) } }),
            encode: (message) => json.encode(message),
          },
        ],
        ops: { 1001: () => 'newest', 2002: () => 'oldest' },
        reply: ({ op }, outcome) => ({ op: String(op), data: outcome }),
      }) as never,
    )
    const ann = await site.connect('ann')
    ann.webSocket.send('2002')
    ann.webSocket.send('1001')
    await ann.receives(2)
    expect(ann.received).toEqual([
      { op: '2002', data: { data: 'oldest' } },
      { op: '1001', data: { data: 'newest' } },
    ])
    await site.close()
  })
})
