import { type Count, type Logger, ParlanceError } from '@parlance/core'
import type { Batch } from '@parlance/notification-bus'
import { msgFrom, MsgData, sessionTypes, withNumber } from '@parlance/openim-protocol'
import type { ImRepositories } from '../repositories.ts'
import type { Delivery, Pushed } from './delivery.ts'
import type { Admission } from './push-backlog.ts'
import type { Cause, PushRecord } from './push-record.ts'
import { runsByKey } from './stream-runs.ts'
import type { UnansweredRequests } from './unanswered-requests.ts'

/** Most entries of a stream that are read at once, unless one record has more. */
const joinedCount: Count = 100

/**
 * Finds who is to get what was announced, and has it delivered.
 *
 * Messages of one stream go out in the order of their numbers. What a request over HTTP of this process caused comes behind its
 * answer: the SDKs recognise their own doing by an operation id that they know only from then on. What another process answers is
 * not waited for. A group's messages reach its members at the
 * time of the push, and whom their cause names; what the server says in the name of somebody else goes to nobody else.
 */
export class Pusher {
  readonly #repositories: ImRepositories
  readonly #delivery: Delivery
  readonly #admission: Pick<Admission, 'leave'>
  readonly #requests: UnansweredRequests
  readonly #logger: Logger
  /** What is done of a batch that failed, by partition: it comes again and goes on behind that. */
  readonly #done = new Map<number, Set<number>>()
  readonly #memberIDs = new WeakMap<readonly object[], ReadonlySet<string>>()

  constructor(
    repositories: ImRepositories,
    delivery: Delivery,
    admission: Pick<Admission, 'leave'>,
    requests: UnansweredRequests,
    logger: Logger,
  ) {
    this.#repositories = repositories
    this.#delivery = delivery
    this.#admission = admission
    this.#requests = requests
    this.#logger = logger
  }

  /**
   * Pushes records, each once: those of a stream and its twin in order, neighbouring ones of the same stream in shared frames,
   * others at the same time.
   *
   * A failure that may pass rejects, and the batch comes again. Any other is logged and left: the messages are stored, and
   * their receivers find them when they next ask.
   */
  async push({ partition, received }: Batch<PushRecord>): Promise<void> {
    const done = this.#done.get(partition) ?? new Set()
    const waiting = received.filter(({ offset }) => !done.has(offset))
    const outcomes = await Promise.allSettled(
      runsByKey(waiting, ({ message }) => message.stream).map(async (runs) => {
        for (const { stream, items } of runs) {
          const records = items.map(({ message }) => message)
          await this.#pushRecords(stream, records)
          for (const { offset } of items) done.add(offset)
          this.#admission.leave(
            stream,
            records.reduce((count, { causes }) => count + causes.length, 0),
          )
        }
      }),
    )
    const failed = outcomes.find((outcome) => outcome.status === 'rejected')
    if (failed === undefined) for (const { offset } of received) done.delete(offset)
    if (done.size === 0) this.#done.delete(partition)
    else this.#done.set(partition, done)
    if (failed !== undefined) throw failed.reason
  }

  async #pushRecords(stream: string, records: readonly PushRecord[]): Promise<void> {
    try {
      const batches = await Promise.all(joined(records).map((record) => this.#read(record)))
      await this.#requests.answered(records.flatMap(({ causes }) => causes))
      for (const batch of byAudience(batches.flat())) await this.#pushBatch(stream, batch)
    } catch (error) {
      if (ParlanceError.is(error) && error.retryable) throw error
      this.#logger.error('messages could not be pushed; their receivers have to pull them', { stream, error })
    }
  }

  async #read(record: PushRecord): Promise<Pushed[]> {
    if (record.kind === 'online') {
      const bytes = Buffer.from(record.message, 'base64')
      return [{ body: MsgData.decode(bytes), seq: 0, bytes, cause: record.causes[0]! }]
    }
    const entries = await this.#repositories.messages.range(record.stream, record.first, record.last)
    return entries.map(({ seq, bytes, row }) => ({
      body: row.body,
      seq,
      bytes: withNumber(bytes, seq),
      cause: record.causes[seq - record.first]!,
    }))
  }

  async #pushBatch(stream: string, batch: readonly Pushed[]): Promise<void> {
    const sample = batch[0]?.body
    if (sample === undefined) return
    const receivers =
      sample.sessionType === sessionTypes.group
        ? await this.#audienceOf(sample.groupID, batch[0]!.cause)
        : new Set([sample.sendID, sample.recvID])
    const senders = new Set(
      batch
        .filter(({ body }) => receivers.has(body.sendID) || body.msgFrom !== msgFrom.system)
        .map(({ body }) => body.sendID),
    )
    await this.#delivery.deliver({ stream, batch, receivers, senders })
  }

  async #audienceOf(groupID: string, { alsoTo, onlyTo }: Cause): Promise<ReadonlySet<string>> {
    if (onlyTo !== undefined) return new Set(onlyTo)
    const members = await this.#membersOf(groupID)
    return alsoTo === undefined ? members : new Set([...members, ...alsoTo])
  }

  async #membersOf(groupID: string): Promise<ReadonlySet<string>> {
    const members = await this.#repositories.groupMembers.ofGroup.keys({ groupID })
    let ids = this.#memberIDs.get(members)
    if (ids === undefined) {
      ids = new Set(members.map(({ userID }) => userID))
      this.#memberIDs.set(members, ids)
    }
    return ids
  }
}

/** Records of one stream, those that follow each other made one: entries are read together. */
function joined(records: readonly PushRecord[]): PushRecord[] {
  const all: PushRecord[] = []
  for (const record of records) {
    const before = all.at(-1)
    if (
      record.kind === 'stored' &&
      before?.kind === 'stored' &&
      before.last + 1 === record.first &&
      record.last - before.first < joinedCount
    )
      all[all.length - 1] = { ...before, last: record.last, causes: [...before.causes, ...record.causes] }
    else all.push(record)
  }
  return all
}

/** Cuts a batch where other users are to be told. */
function byAudience(batch: readonly Pushed[]): Pushed[][] {
  const cut: Pushed[][] = []
  for (const pushed of batch) {
    const { alsoTo, onlyTo } = pushed.cause
    const last = cut.at(-1)?.[0]?.cause
    if (last !== undefined && last.alsoTo === alsoTo && last.onlyTo === onlyTo) cut.at(-1)!.push(pushed)
    else cut.push([pushed])
  }
  return cut
}
