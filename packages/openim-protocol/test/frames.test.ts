import { gunzipSync, gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import {
  clientFrameCodec,
  frameCodec,
  type FrameDialect,
  type FrameReply,
  type FrameRequest,
  GetMaxSeqReq,
  opCodes,
  ProtocolError,
  refusal,
  textPing,
  welcome,
} from '../src/index.ts'

const hex = (digits: string): Buffer => Buffer.from(digits.replaceAll(/\s/g, ''), 'hex')

const dialects: readonly FrameDialect[] = [
  { sdkType: 'js' },
  { sdkType: 'js', compression: 'gzip' },
  { sdkType: 'go' },
  { sdkType: 'go', compression: 'gzip' },
]

const request: FrameRequest = {
  op: opCodes.sendMsg,
  token: 'a.b.c',
  sendID: 'alice',
  operationID: 'op-1',
  msgIncr: 'alice_7',
  data: Buffer.from([1, 2, 255, 0]),
}

const reply: FrameReply = {
  op: opCodes.sendMsg,
  msgIncr: 'alice_7',
  operationID: 'op-1',
  errCode: 1302,
  errMsg: 'BlockedByPeer',
  data: Buffer.from([9, 0, 200]),
}

const plain = <T extends { readonly data: Uint8Array }>(frame: T) => ({ ...frame, data: [...frame.data] })

const received = (codec: ReturnType<typeof frameCodec>, bytes: Buffer) => {
  const decoded = codec.decode(bytes, true)
  if (decoded.kind !== 'message') throw new Error('a control frame was not expected')
  return decoded.message
}

describe.each(dialects)('frames of $sdkType, $compression', (dialect) => {
  const server = frameCodec(dialect)
  const client = clientFrameCodec(dialect)

  it('bring a request to the server as it was sent', () => {
    const { bytes, binary } = client.encodeRequest(request)
    expect(binary).toBe(true)
    expect(plain(received(server, bytes))).toEqual(plain(request))
  })

  it('bring a reply to the client as it was sent', () => {
    const { bytes, binary } = server.encode(reply)
    expect(binary).toBe(true)
    expect(plain(client.decodeReply(bytes))).toEqual(plain(reply))
  })

  it('leave nothing of an empty frame but empty fields', () => {
    const empty = { op: 0, msgIncr: '', operationID: '', errCode: 0, errMsg: '', data: Buffer.alloc(0) }
    expect(plain(client.decodeReply(server.encode(empty).bytes))).toEqual(plain(empty))
  })

  it('carry text beyond ASCII, long data and negative numbers', () => {
    const data = Buffer.alloc(70_000, 'abc')
    const odd = { ...reply, errMsg: 'Größe 🎈'.repeat(40), errCode: -3, op: 2 ** 31 - 1, data }
    expect(plain(client.decodeReply(server.encode(odd).bytes))).toEqual(plain(odd))
  })

  it('answer a ping with a pong that carries its body, and a pong with nothing', () => {
    expect(server.decode(textPing.bytes, textPing.binary)).toEqual({
      kind: 'control',
      reply: { bytes: Buffer.from('{"type":"pong"}'), binary: false },
    })
    const withBody = server.decode(Buffer.from('{"type":"ping","body":{"at":5}}'), false)
    expect(withBody).toEqual({
      kind: 'control',
      reply: { bytes: Buffer.from('{"type":"pong","body":{"at":5}}'), binary: false },
    })
    expect(server.decode(Buffer.from('{"type":"pong"}'), false)).toEqual({ kind: 'control' })
  })

  it.each(['', '{', 'null', '[]', '"ping"', '{"type":"hello"}', '{"reqIdentifier":1001}', '['.repeat(3000)])(
    'refuse the text frame %s',
    (text) => {
      expect(() => server.decode(Buffer.from(text), false)).toThrow(ProtocolError)
    },
  )

  it('refuse a ping larger than a control frame may be', () => {
    const large = Buffer.from(JSON.stringify({ type: 'ping', body: 'x'.repeat(5000) }))
    expect(() => server.decode(large, false)).toThrow(/longer than 4096 bytes/)
  })

  it('refuse texts longer than the limit', () => {
    const { bytes } = client.encodeRequest({ ...request, operationID: 'x'.repeat(4097) })
    expect(() => server.decode(bytes, true)).toThrow(/operationID of a frame has 4097 characters/)
  })

  it('refuse a number that is no int32', () => {
    const { bytes } = client.encodeRequest({ ...request, op: 2 ** 31 })
    expect(() => server.decode(bytes, true)).toThrow(/op of a frame must be an int32/)
  })

  it('refuse every prefix of a frame', () => {
    const { bytes } = client.encodeRequest(request)
    for (let length = 0; length < bytes.length; length++) {
      expect(() => server.decode(bytes.subarray(0, length), true), `${length} bytes`).toThrow(ProtocolError)
    }
  })
})

describe('the codecs', () => {
  it('differ in name and in how their clients are treated', () => {
    expect(
      dialects
        .map((dialect) => frameCodec(dialect))
        .map(({ name, slowConsumer, pings }) => [name, slowConsumer, pings]),
    ).toEqual([
      ['json', 'close', false],
      ['json+gzip', 'close', false],
      ['gob', 'drop-pushes', true],
      ['gob+gzip', 'drop-pushes', true],
    ])
  })
})

describe('JSON frames', () => {
  const server = frameCodec({ sdkType: 'js' })

  it('are read as the JavaScript SDK writes them, without a token', () => {
    const frame = { reqIdentifier: 1006, msgIncr: '1', sendID: 'u1', operationID: 'o', data: 'CgJ1MQ==' }
    const message = received(server, Buffer.from(JSON.stringify(frame)))
    expect(message).toMatchObject({ op: 1006, token: '', sendID: 'u1', operationID: 'o', msgIncr: '1' })
    expect(GetMaxSeqReq.decode(message.data).userID).toBe('u1')
  })

  it('are written as the JavaScript SDK reads them, with all fields and base64', () => {
    const { bytes } = server.encode({
      op: 2002,
      msgIncr: '',
      operationID: '',
      errCode: 0,
      errMsg: '',
      data: Buffer.alloc(0),
    })
    expect(JSON.parse(bytes.toString())).toEqual({
      reqIdentifier: 2002,
      msgIncr: '',
      operationID: '',
      errCode: 0,
      errMsg: '',
      data: '',
    })
    expect(JSON.parse(server.encode(reply).bytes.toString())).toMatchObject({ data: 'CQDI' })
  })

  it.each([
    '{"data":5}',
    '{"data":"a"}',
    '{"data":"not base64!"}',
    '{"data":["QQ=="]}',
    '{"reqIdentifier":"x"}',
    '{"reqIdentifier":1.5}',
    '{"reqIdentifier":1e300}',
    '{"sendID":{}}',
    '{"token":true}',
    '{"msgIncr":7}',
    '[]',
    'null',
    '7',
    '',
    '\u0000',
    '{"reqIdentifier":1001',
  ])('are refused when they are %s', (text) => {
    expect(() => server.decode(Buffer.from(text), true)).toThrow(ProtocolError)
  })

  it('take null for nothing', () => {
    const message = received(server, Buffer.from('{"reqIdentifier":1001,"data":null,"token":null}'))
    expect(plain(message)).toMatchObject({ op: 1001, token: '', data: [] })
  })

  it('do not read fields from a prototype', () => {
    expect(received(server, Buffer.from('{"__proto__":{"sendID":"mallory"}}')).sendID).toBe('')
  })
})

describe('gzip', () => {
  it.each(['js', 'go'] as const)('never inflates a frame of %s beyond its limit', (sdkType) => {
    const server = frameCodec({ sdkType, compression: 'gzip', limits: { maxInflatedBytes: 10_000 } })
    const bomb = gzipSync(Buffer.alloc(20 * 1024 * 1024))
    expect(bomb.length).toBeLessThan(51_200)
    expect(() => server.decode(bomb, true)).toThrow(/more than 10000 bytes/)
  })

  it('is understood by any reader, whatever the size of the frame', () => {
    const packed = frameCodec({ sdkType: 'go', compression: 'gzip' })
    const unpacked = frameCodec({ sdkType: 'go' })
    for (const length of [0, 1, 100, 154, 155, 156, 157, 158, 159, 160, 200, 1900, 2000, 20_000, 300_000]) {
      const frame = { ...reply, data: Buffer.alloc(length, 'some data ') }
      expect(gunzipSync(packed.encode(frame).bytes).equals(unpacked.encode(frame).bytes), `${length} bytes`).toBe(true)
    }
  })

  it('is refused when it is not gzip', () => {
    const server = frameCodec({ sdkType: 'js', compression: 'gzip' })
    expect(() => server.decode(Buffer.from('{"reqIdentifier":1001}'), true)).toThrow(/not valid gzip/)
  })
})

describe('the first frame', () => {
  it('is a text with all three fields', () => {
    expect(welcome.binary).toBe(false)
    expect(welcome.bytes.toString()).toBe('{"errCode":0,"errMsg":"","errDlt":""}')
    expect(JSON.parse(refusal(1501, 'log in again').bytes.toString())).toEqual({
      errCode: 1501,
      errMsg: 'TokenExpiredError',
      errDlt: 'log in again',
    })
  })
})

describe('gob frames', () => {
  const server = frameCodec({ sdkType: 'go' })

  it('are read as the Go core sends them', () => {
    const captured = hex(
      `65 7f 03 01 01 0c 47656e6572616c5773526571 01 ff80 00 01 06
       01 0d 5265714964656e746966696572 01 04 00   01 05 546f6b656e 01 0c 00   01 06 53656e644944 01 0c 00
       01 0b 4f7065726174696f6e4944 01 0c 00       01 07 4d7367496e6372 01 0c 00  01 04 44617461 01 0a 00   00 00
       67 ff80  01 fe07d2  02 0a 70726f62655f75736572  01 24 ${'6f'.repeat(36)}  01 1e ${'6d'.repeat(30)}
       01 0c 0a0a70726f62655f75736572  00`,
    )
    const message = received(server, captured)
    expect(message).toMatchObject({
      op: opCodes.getNewestSeq,
      token: '',
      sendID: 'probe_user',
      operationID: 'o'.repeat(36),
    })
    expect(GetMaxSeqReq.decode(message.data)).toEqual({ userID: 'probe_user' })
  })

  it('begin with the very definition that the Go core sends', () => {
    const { bytes } = clientFrameCodec({ sdkType: 'go' }).encodeRequest(request)
    expect(bytes.subarray(0, 0x66).toString('hex')).toBe(
      hex(`65 7f 03 01 01 0c 47656e6572616c5773526571 01 ff80 00 01 06
       01 0d 5265714964656e746966696572 01 04 00   01 05 546f6b656e 01 0c 00   01 06 53656e644944 01 0c 00
       01 0b 4f7065726174696f6e4944 01 0c 00       01 07 4d7367496e6372 01 0c 00  01 04 44617461 01 0a 00   00 00`).toString(
        'hex',
      ),
    )
  })

  it('are written, byte for byte, as the wasm client accepted them', () => {
    const { bytes } = server.encode({
      op: opCodes.getNewestSeq,
      msgIncr: 'u1_1',
      operationID: 'op',
      errCode: 0,
      errMsg: '',
      data: Buffer.from([1, 2, 3]),
    })
    expect(bytes.toString('hex')).toBe(
      '60ff81030101045265737001ff82000106010d5265714964656e74696669657201040001074d7367496e6372010c0001' +
        '0b4f7065726174696f6e4944010c000107457272436f646501040001064572724d7367010c00010444617461010a000000' +
        '16ff8201fe07d2010475315f3101026f70030301020300',
    )
  })
})
