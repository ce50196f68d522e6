import {
  createGateway,
  type Gateway,
  json,
  type JsonMessage,
  type JsonRequest,
  type Session,
  type SessionCodec,
} from '@parlance/gateway'
import { expectTypeOf, it } from 'vitest'
import { identify } from './harness.ts'

type Request = { readonly op: 1001; readonly userID: string } | { readonly op: 1002; readonly ranges: number[] }
interface Reply {
  readonly op: number
  readonly body: Uint8Array
}
declare const codec: SessionCodec<Request, Reply>

it('a gateway of JSON messages needs nothing but who may come in', () => {
  const make = () => createGateway({ authenticate: identify, codecs: [json], limits: { frameBytes: 64_000 } })
  expectTypeOf(make).returns.toEqualTypeOf<Gateway<JsonRequest, JsonMessage>>()
  const deliver = (gateway: ReturnType<typeof make>) => gateway.deliver(['ann'], { op: 'price', data: 1 })
  expectTypeOf(deliver).returns.toEqualTypeOf<Promise<number>>()
})

it('handlers know the messages, the handler of an op those of that op', () => {
  const make = () =>
    createGateway({
      authenticate: identify,
      codecs: [codec],
      ops: {
        1001: (session, request) => {
          expectTypeOf(request.userID).toEqualTypeOf<string>()
          expectTypeOf(session).toEqualTypeOf<Session<Request, Reply>>()
        },
        1002: (_, { ranges }) => expectTypeOf(ranges).toEqualTypeOf<number[]>(),
      },
      reply: ({ op }, outcome) => ('data' in outcome ? { op, body: new Uint8Array() } : undefined),
    })
  expectTypeOf(make).returns.toEqualTypeOf<Gateway<Request, Reply>>()
})

it('mistakes do not compile', () => {
  const withoutReply = () =>
    // @ts-expect-error messages of one's own need a reply
    createGateway({ authenticate: identify, codecs: [codec] })
  const unknownOp = () =>
    createGateway<Request, Reply>({
      authenticate: identify,
      codecs: [codec],
      // @ts-expect-error there is no such op
      ops: { 1003: () => undefined },
      reply: () => undefined,
    })
  const wrongMessage = (gateway: Gateway<Request, Reply>) =>
    // @ts-expect-error not a message of this gateway
    gateway.deliver(['ann'], { op: 'price' })
  const twoEntrances = () =>
    // @ts-expect-error either a login check or a handshake of one's own
    createGateway({
      authenticate: identify,
      codecs: [json],
      handshake: () => ({ kind: 'refuse' as const, status: 401 }),
    })
  expectTypeOf([withoutReply, unknownOp, wrongMessage, twoEntrances]).toBeArray()
})
