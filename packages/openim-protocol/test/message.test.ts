import { describe, expect, expectTypeOf, it } from 'vitest'
import {
  DelUserPushTokenReq,
  GetLastMessageReq,
  GetLastMessageResp,
  GetMaxSeqReq,
  MsgData,
  ProtocolError,
  PullMsgs,
  SetAppBackgroundStatusReq,
  UserSendMsgResp,
} from '../src/index.ts'
import {
  bool,
  bytes,
  field,
  type Infer,
  type InferInput,
  int32,
  int64,
  map,
  message,
  nested,
  repeated,
  string,
  uint32,
} from '../src/schema/index.ts'

const Inner = message('Inner', { id: field(1, string) })
const All = message('All', {
  text: field(1, string),
  blob: field(2, bytes),
  flag: field(3, bool),
  small: field(4, int32),
  positive: field(5, uint32),
  large: field(6, int64),
  inner: nested(7, Inner),
  numbers: repeated(8, int64),
  inners: repeated(9, Inner),
  byKey: map(10, int64),
  innerByKey: map(11, Inner),
})

const hex = (digits: string): Buffer => Buffer.from(digits.replaceAll(' ', ''), 'hex')

describe('a message', () => {
  it('decodes nothing to zeros, each time to containers of its own', () => {
    const first = All.decode(new Uint8Array())
    expect(first).toEqual({
      text: '',
      blob: Buffer.alloc(0),
      flag: false,
      small: 0,
      positive: 0,
      large: 0,
      inner: undefined,
      numbers: [],
      inners: [],
      byKey: {},
      innerByKey: {},
    })
    first.numbers.push(1)
    first.byKey['a'] = 1
    expect(All.decode(new Uint8Array())).toMatchObject({ numbers: [], byKey: {} })
  })

  it('writes no byte for zeros, but an empty message within it', () => {
    const zeros = {
      text: '',
      blob: Buffer.alloc(0),
      flag: false,
      small: 0,
      large: 0,
      inner: undefined,
      numbers: [],
      byKey: {},
    }
    expect(All.encode(zeros)).toHaveLength(0)
    expect(All.encode({ inner: {} }).toString('hex')).toBe('3a00')
    expect(All.decode(hex('3a00')).inner).toEqual({ id: '' })
  })

  it('has the types that its fields say', () => {
    expectTypeOf<Infer<typeof All>>().toEqualTypeOf<{
      text: string
      blob: Uint8Array
      flag: boolean
      small: number
      positive: number
      large: number
      inner: { id: string } | undefined
      numbers: number[]
      inners: { id: string }[]
      byKey: Record<string, number>
      innerByKey: Record<string, { id: string }>
    }>()
    expectTypeOf<InferInput<typeof All>>().toExtend<{
      readonly text?: string | undefined
      readonly numbers?: readonly number[] | undefined
    }>()
    // @ts-expect-error a number is no text
    expect(() => All.encode({ text: 5 })).toThrow(ProtocolError)
  })

  it('skips fields it does not know, of every wire type', () => {
    // 100: varint, 101: fixed64, 102: bytes, 103: group with a varint, 104: fixed32.
    const unknown = hex('a00601 a9060102030405060708 b2060261 62 bb06 a00601 bc06 c50601020304')
    expect(All.decode(Buffer.concat([unknown, All.encode({ text: 'x' }), unknown]))).toEqual(
      All.decode(All.encode({ text: 'x' })),
    )
  })

  it('skips a known field of a wrong wire type', () => {
    expect(All.decode(hex('0805')).text).toBe('')
  })

  it('reads lists of numbers packed and unpacked', () => {
    expect(All.decode(hex('42 03 01 80 01 40 07')).numbers).toEqual([1, 128, 7])
    expect(All.encode({ numbers: [1, 128, 7] }).toString('hex')).toBe('420401800107')
  })

  it('takes the last of a repeated scalar', () => {
    expect(All.decode(Buffer.concat([All.encode({ large: 5 }), All.encode({ large: 6 })])).large).toBe(6)
  })

  it.each([
    0,
    1,
    -1,
    127,
    128,
    2 ** 31,
    2 ** 32,
    2 ** 49 - 1,
    2 ** 49,
    1_764_000_000_000,
    Number.MAX_SAFE_INTEGER,
    Number.MIN_SAFE_INTEGER,
  ])('brings the int64 %d back', (large) => {
    expect(All.decode(All.encode({ large })).large).toBe(large)
  })

  it.each(['30 80 80 80 80 80 80 80 10', '30 ff ff ff ff ff ff ff ff 7f', '30 80 80 80 80 80 80 80 80 80 01'])(
    'refuses the int64 %s: it is beyond 2^53',
    (digits) => {
      expect(() => All.decode(hex(digits))).toThrow(/beyond 2\^53/)
    },
  )

  it.each([
    ['a text beyond the end', '0a05 61', /malformed/],
    ['a tag without a value', '0a', /malformed/],
    ['a varint without an end', '20 ff', /malformed/],
    ['a varint of eleven bytes', '20 ffffffffffffffffffffff', /malformed/],
    ['an inner message beyond the end', '3a05 0a', /longer than the message around it/],
    ['an inner message that ends within a field', '3a02 0a05 6162636465', /malformed/],
    ['a packed list that ends within a number', '42 02 01 80', /malformed/],
    ['a packed list beyond the end', '42 09 01', /longer than its message/],
    ['a map entry beyond the end', '5209 0a', /longer than its message/],
    ['a field number of zero', '00 00', /field number 0/],
    ['a wire type that does not exist', 'a706', /wire type 7/],
    ['groups nested without end', 'bb06'.repeat(5000), /depth/],
    ['a length of four gigabytes', '12 ffffffff0f', /malformed/],
  ])('refuses %s', (_what, digits, why) => {
    expect(() => All.decode(hex(digits))).toThrow(ProtocolError)
    expect(() => All.decode(hex(digits))).toThrow(why)
  })

  it('refuses more elements than the limit, wherever they are', () => {
    const encoded = All.encode({ numbers: [1, 2], inners: [{}, {}], byKey: { a: 1 } })
    expect(All.decode(encoded, { maxElementCount: 5 }).inners).toHaveLength(2)
    expect(() => All.decode(encoded, { maxElementCount: 4 })).toThrow(/too many list and map elements/)
  })

  it.each([
    [{ text: 5 }, 'All.text must be a string, not 5'],
    [{ blob: 'abc' }, 'All.blob must be a Uint8Array, not string'],
    [{ blob: null }, 'All.blob must be a Uint8Array'],
    [{ flag: 1 }, 'All.flag must be a boolean, not 1'],
    [{ small: 1.5 }, 'All.small must be an int32, not 1.5'],
    [{ small: 2 ** 31 }, 'All.small must be an int32'],
    [{ positive: -1 }, 'All.positive must be a uint32, not -1'],
    [{ large: 2 ** 53 }, 'All.large must be an integer within'],
    [{ large: Number.NaN }, 'All.large must be an integer within'],
    [{ large: 5n }, 'All.large must be an integer within ±2^53, not 5'],
    [{ inner: 'x' }, 'All.inner must be an object or encoded bytes'],
    [{ inner: null }, 'All.inner must be an object or encoded bytes'],
    [{ inner: { id: 7 } }, 'Inner.id must be a string'],
    [{ numbers: 5 }, 'All.numbers must be an array'],
    [{ numbers: ['5'] }, 'All.numbers must be an integer'],
    [{ byKey: null }, 'All.byKey must be an object'],
    [{ byKey: { a: 'x' } }, 'All.byKey must be an integer'],
  ])('refuses to write %o', (value, why) => {
    expect(() => All.encode(value as never)).toThrow(why)
  })

  it('gives no key of a map a meaning', () => {
    const keys = ['__proto__', 'constructor', 'toString', '']
    const byKey = Object.fromEntries(keys.map((key, index) => [key, index]))
    const decoded = All.decode(All.encode({ byKey })).byKey
    expect(Object.keys(decoded)).toEqual(keys)
    expect(decoded['__proto__']).toBe(0)
    expect(All.decode(new Uint8Array()).byKey['constructor']).toBeUndefined()
  })

  it('embeds bytes that were encoded before', () => {
    const inner = Inner.encode({ id: 'x' })
    const value = { inner, inners: [inner, { id: 'y' }], innerByKey: { a: inner } }
    expect(All.decode(All.encode(value))).toMatchObject({
      inner: { id: 'x' },
      inners: [{ id: 'x' }, { id: 'y' }],
      innerByKey: { a: { id: 'x' } },
    })
  })

  it('reads a map entry without key or value as the zeros of its types', () => {
    expect(All.decode(hex('5200')).byKey).toEqual({ '': 0 })
    expect(All.decode(hex('5a03 0a01 61')).innerByKey).toEqual({ a: { id: '' } })
  })

  it('reads a plain Uint8Array, a part of a larger one too', () => {
    const encoded = All.encode({ text: 'middle', blob: Buffer.from('b') })
    const around = new Uint8Array(encoded.length + 20)
    around.set(encoded, 10)
    expect(All.decode(around.subarray(10, 10 + encoded.length))).toMatchObject({
      text: 'middle',
      blob: Buffer.from('b'),
    })
  })

  it('cannot be declared with a field number twice or out of range', () => {
    expect(() => message('Bad', { a: field(1, string), b: field(1, string) })).toThrow(/Bad\.b needs a field number/)
    expect(() => message('Bad', { a: field(0, string) })).toThrow(/Bad\.a needs a field number/)
  })
})

describe('the bodies', () => {
  it.each([
    ['GetMaxSeqReq', GetMaxSeqReq.encode({ userID: 'u1' }), '0a027531'],
    ['SetAppBackgroundStatusReq', SetAppBackgroundStatusReq.encode({ userID: 'u', isBackground: true }), '0a01751001'],
    ['DelUserPushTokenReq', DelUserPushTokenReq.encode({ userID: 'u', platformID: 5 }), '0a01751005'],
    ['GetLastMessageReq', GetLastMessageReq.encode({ userID: 'u', conversationIDs: ['a', 'b'] }), '0a0175120161120162'],
    ['GetLastMessageResp', GetLastMessageResp.encode({ msgs: { c: { sendID: 's' } } }), '0a080a016312030a0173'],
    ['PullMsgs', PullMsgs.encode({ Msgs: [{ sendID: 's' }], isEnd: true, endSeq: 300 }), '0a030a0173100118ac02'],
    ['UserSendMsgResp', UserSendMsgResp.encode({ serverMsgID: 's', modify: { ex: 'x' } }), '0a01732204ba010178'],
  ])('are numbered as in OpenIM: %s', (_name, encoded, digits) => {
    expect(encoded.toString('hex')).toBe(digits)
  })

  it('are types, too', () => {
    const body: MsgData = MsgData.decode(
      MsgData.encode({ sendID: 'alice', content: Buffer.from('hi'), options: { history: false } }),
    )
    expect(body).toMatchObject({
      sendID: 'alice',
      recvID: '',
      options: { history: false },
      offlinePushInfo: undefined,
      atUserIDList: [],
    })
    expect(Buffer.from(body.content).toString()).toBe('hi')
  })
})
