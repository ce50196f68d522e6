import { OverloadedError, silentLogger } from '@parlance/core'
import type { DeliverOptions, Gateway, Session } from '@parlance/gateway'
import type { Batch } from '@parlance/notification-bus'
import { type FrameReply, type FrameRequest, MsgData, PushMessages, sessionTypes } from '@parlance/openim-protocol'
import { noMetrics } from '@parlance/core'
import { settle, VirtualClock } from '@parlance/testing'
import { describe, expect, it } from 'vitest'
import { singleAddress } from '../src/domain/messages/address.ts'
import { PushBacklog } from '../src/domain/messages/push-backlog.ts'
import type { PushRecord } from '../src/domain/messages/push-record.ts'
import { Pusher } from '../src/domain/messages/pusher.ts'
import { SessionDelivery } from '../src/domain/messages/session-delivery.ts'
import { UnansweredRequests } from '../src/domain/messages/unanswered-requests.ts'
import { SyncingSessions } from '../src/domain/messages/syncing-sessions.ts'
import type { ImRepositories } from '../src/domain/repositories.ts'

interface Delivery {
  readonly to: readonly string[]
  readonly seqs: readonly number[]
  readonly options: DeliverOptions<FrameRequest, FrameReply>
}

/** A pusher over messages from ada to bob, with everything that it hands to the gateway. */
function rig(failures = 0) {
  const deliveries: Delivery[] = []
  const backlog = new PushBacklog(100, noMetrics)
  const clock = new VirtualClock()
  const syncing = new SyncingSessions(clock)
  const reads: (readonly [stream: string, first: number, last: number])[] = []
  let left = failures
  const repositories = {
    messages: {
      async range(stream: string, first: number, last: number) {
        reads.push([stream, first, last])
        if (stream.endsWith('bob') && left-- > 0) throw new OverloadedError('try again')
        const [, , sendID = '', recvID = ''] = stream.split('/')
        return Array.from({ length: last - first + 1 }, (_, index) => {
          const body = {
            ...MsgData.zero(),
            sendID,
            recvID,
            sessionType: sessionTypes.single,
            content: Buffer.from('x'),
          }
          return { seq: first + index, bytes: MsgData.encode(body), row: { body } }
        })
      },
    },
  } as unknown as ImRepositories
  const gateway = {
    async deliver(to: Iterable<string>, message: FrameReply, options: DeliverOptions<FrameRequest, FrameReply> = {}) {
      const { msgs } = PushMessages.decode(message.data)
      const seqs = Object.values(msgs).flatMap(({ Msgs }) => Msgs.map(({ seq }) => seq))
      deliveries.push({ to: [...to], seqs, options })
      return 1
    },
  } as unknown as Gateway<FrameRequest, FrameReply>
  const requests = new UnansweredRequests(clock)
  const pusher = new Pusher(
    repositories,
    new SessionDelivery(gateway, backlog, syncing, silentLogger),
    backlog,
    requests,
    silentLogger,
  )
  return { pusher, requests, backlog, clock, syncing, deliveries, reads }
}

const stream = singleAddress('ada', 'bob').stream

function batch(...records: readonly (readonly [stream: string, first: number, last: number])[]): Batch<PushRecord> {
  const messages = records.map(([name, first, last]): PushRecord => {
    const causes = Array.from({ length: last - first + 1 }, () => ({ operationID: 'op', sessionID: '' }))
    return { kind: 'stored', stream: name, first, last, causes }
  })
  const received = messages.map((message, index) => ({ message, key: 'k', offset: index + 1 }))
  return { topic: 'message.push', partition: 0, messages, received }
}

const session = (id: string) => ({ id }) as Session<FrameRequest, FrameReply>

describe('pushing', () => {
  it('a session that was told of waiting messages does not get them pushed as well', async () => {
    const { pusher, backlog, deliveries } = rig()
    for (let message = 0; message < 4; message++) backlog.enter(stream)
    backlog.tell('late', stream, { subject: 'bob', head: 3 })
    await pusher.push(batch([stream, 1, 4]))
    const toBob = deliveries.filter(({ to }) => to[0] === 'bob')
    const [toAll, toLate] = toBob
    expect(toAll).toMatchObject({ seqs: [1, 2, 3, 4] })
    expect(toAll!.options.except!(session('late'))).toBe(true)
    expect(toAll!.options.except!(session('other'))).toBe(false)
    expect(toLate).toMatchObject({ seqs: [4] })
    expect([toLate!.options.only!(session('late')), toLate!.options.only!(session('other'))]).toEqual([true, false])
  })

  it('what a session was told is forgotten once nothing of the stream waits', async () => {
    const { pusher, backlog } = rig()
    backlog.enter(stream)
    backlog.tell('late', stream, { subject: 'bob', head: 1 })
    await pusher.push(batch([stream, 1, 1]))
    expect(backlog.toldOf(stream)).toBeUndefined()
    backlog.tell('later', stream, { subject: 'bob', head: 1 })
    expect(backlog.toldOf(stream)).toBeUndefined()
  })

  it('what is pushed to a session while it asks how far its streams go comes behind the answer', async () => {
    const { pusher, syncing, deliveries } = rig()
    await syncing.during('asking', { subject: 'bob', requestKey: 'the question' }, () =>
      pusher.push(batch([stream, 1, 1])),
    )
    const own = deliveries.find(({ options }) => options.only?.(session('asking')) === true)
    expect(own!.options.after).toEqual({ sessionId: 'asking', requestKey: 'the question' })
  })

  describe('to a session that has just begun', () => {
    const seqsOf = (deliveries: readonly Delivery[], id: string) =>
      deliveries.filter(({ options }) => options.only?.(session(id)) === true).map(({ seqs }) => seqs)

    it('waits until it was told how far its streams go and pulled what it missed; what it was told is left out', async () => {
      const { pusher, syncing, deliveries } = rig()
      syncing.opened('new', 'bob')
      await pusher.push(batch([stream, 1, 2], [stream, 3, 3]))
      expect(seqsOf(deliveries, 'new')).toEqual([])
      await syncing.during('new', { subject: 'bob', requestKey: 'q' }, async () => syncing.tell('new', stream, 2))
      await settle()
      expect(seqsOf(deliveries, 'new')).toEqual([])
      syncing.goesOn('new')
      expect(seqsOf(deliveries, 'new')).toEqual([[3]])
      await pusher.push({ ...batch([stream, 4, 4]), partition: 1 })
      expect(deliveries.filter(({ seqs }) => seqs[0] === 4).map(({ to }) => to)).toEqual([['bob'], ['ada']])
    })

    it('waits not long for a pull from who missed nothing', async () => {
      const { pusher, clock, syncing, deliveries } = rig()
      syncing.opened('new', 'bob')
      await syncing.during('new', { subject: 'bob', requestKey: 'q' }, () => Promise.resolve())
      await settle()
      await pusher.push(batch([stream, 1, 1]))
      expect(seqsOf(deliveries, 'new')).toEqual([])
      await clock.advance(300)
      expect(seqsOf(deliveries, 'new')).toEqual([[1]])
    })

    it('waits no longer than a second, nor once it asks for something else', async () => {
      const { pusher, clock, syncing, deliveries } = rig()
      syncing.opened('silent', 'bob')
      syncing.opened('writer', 'bob')
      await pusher.push(batch([stream, 1, 1]))
      syncing.goesOn('writer')
      expect([seqsOf(deliveries, 'writer'), seqsOf(deliveries, 'silent')]).toEqual([[[1]], []])
      await clock.advance(1_000)
      expect(seqsOf(deliveries, 'silent')).toEqual([[1]])
    })

    it('waits only as long as it is little: nobody fills the memory by being silent', async () => {
      const { pusher, syncing, deliveries } = rig()
      syncing.opened('silent', 'bob')
      const bytes = MsgData.encode({ ...MsgData.zero(), sendID: 'ada', recvID: 'bob' }).length
      let last = 0
      for (let partition = 0; syncing.isNew('silent') && last * bytes < 1_048_576; partition++) {
        expect(seqsOf(deliveries, 'silent')).toEqual([])
        await pusher.push({ ...batch([stream, last + 1, last + 1_000]), partition })
        last += 1_000
      }
      expect(syncing.isNew('silent')).toBe(false)
      expect(seqsOf(deliveries, 'silent').flat()).toEqual(Array.from({ length: last }, (_, index) => index + 1))
    })

    it('is forgotten with the session', async () => {
      const { pusher, clock, syncing, deliveries } = rig()
      syncing.opened('gone', 'bob')
      await pusher.push(batch([stream, 1, 1]))
      syncing.closed('gone')
      await clock.advance(1_000)
      expect(seqsOf(deliveries, 'gone')).toEqual([])
      expect([clock.pendingCount, syncing.newSessions.size]).toEqual([0, 0])
    })
  })

  describe('what a request over HTTP caused', () => {
    const caused = (operationID: string, sessionID = ''): Batch<PushRecord> => {
      const record = { kind: 'stored' as const, stream, first: 1, last: 1, causes: [{ operationID, sessionID }] }
      return {
        topic: 'message.push',
        partition: 0,
        messages: [record],
        received: [{ message: record, key: 'k', offset: 1 }],
      }
    }

    it('is pushed behind the answer to it, even when two requests have the same operation id', async () => {
      const { pusher, requests, deliveries } = rig()
      const [first, second] = [requests.begin('op'), requests.begin('op')]
      const pushed = pusher.push(caused('op'))
      first()
      await settle()
      expect(deliveries).toEqual([])
      second()
      await pushed
      expect(deliveries.flatMap(({ to }) => to).toSorted()).toEqual(['ada', 'bob'])
    })

    it('waits at most 250 ms for the answer', async () => {
      const { pusher, requests, clock, deliveries } = rig()
      requests.begin('op')
      const pushed = pusher.push(caused('op'))
      await settle()
      expect(deliveries).toEqual([])
      await clock.advance(250)
      await pushed
      expect(deliveries).toHaveLength(2)
      expect(clock.pendingCount).toBe(0)
    })

    it('holds up nobody beyond that, however many requests with the same operation id overlap', async () => {
      const { pusher, requests, clock, deliveries } = rig()
      let end = requests.begin('op')
      for (let round = 0; round < 5; round++) {
        await clock.advance(50)
        const next = requests.begin('op')
        end()
        end = next
      }
      await pusher.push(caused('op'))
      expect(deliveries).toHaveLength(2)
      expect(clock.pendingCount).toBe(0)
    })

    it.each([
      ['another request', caused('other')],
      ['a request over a session', caused('op', 'session')],
    ])('does not hold up %s', async (_name, of) => {
      const { pusher, requests, deliveries } = rig()
      requests.begin('op')
      await pusher.push(of)
      expect(deliveries).toHaveLength(2)
    })
  })

  it('a batch that comes again after a failure goes on where it failed', async () => {
    const { pusher, backlog, deliveries } = rig(1)
    const before = singleAddress('ada', 'amy').stream
    for (const name of [before, stream, stream]) backlog.enter(name)
    const twoStreams = batch([before, 1, 1], [stream, 1, 2])
    await expect(pusher.push(twoStreams)).rejects.toThrow('try again')
    await pusher.push(twoStreams)
    expect(deliveries.filter(({ to }) => to[0] === 'amy')).toHaveLength(1)
    expect(deliveries.filter(({ to }) => to[0] === 'bob').map(({ seqs }) => seqs)).toEqual([[1, 2]])
    expect(() => backlog.enter(stream)).not.toThrow()
  })

  it('what a stream announced message by message is read together, a hundred at most, and pushed in order', async () => {
    const { pusher, deliveries, reads } = rig()
    const other = singleAddress('ada', 'amy').stream
    const one = Array.from({ length: 120 }, (_, index) => [stream, index + 1, index + 1] as const)
    await pusher.push(batch(...one, [other, 7, 7], [stream, 125, 126], [other, 8, 8]))
    expect(reads).toEqual([
      [stream, 1, 100],
      [stream, 101, 120],
      [stream, 125, 126],
      [other, 7, 8],
    ])
    const seqsTo = (userID: string) =>
      deliveries.flatMap(({ to, seqs }) => (to.includes(userID) && !to.includes('ada') ? seqs : []))
    expect(seqsTo('bob')).toEqual([...one.map(([, seq]) => seq), 125, 126])
    expect(seqsTo('amy')).toEqual([7, 8])
  })
})
