import {
  type BackoffOptions,
  type Bytes,
  type Clock,
  type Count,
  deferred,
  type Logger,
  type Milliseconds,
  wait,
} from '@parlance/core'
import { convertKafkaError, type Kafka } from '@parlance/engines/kafka'
import type { Batch, Broker, Cluster, Consumer, EachBatchPayload, PartitionAssigner } from 'kafkajs'
import type { LogHandler, ReadRecord } from '../event-log.ts'
import { OffsetCommits } from './offset-commits.ts'
import { PartitionWorker } from './partition-worker.ts'
import { stickyAssigner } from './sticky-assigner.ts'

/** What one membership in a group works with. */
export interface MembershipOptions {
  readonly kafka: Kafka
  /** The topic's name in Kafka. */
  readonly topic: string
  readonly consumerGroup: string
  readonly handler: LogHandler
  readonly maxBatch: Count
  readonly maxBatchBytes: Bytes
  readonly backoff: BackoffOptions
  readonly clock: Clock
  readonly logger: Logger
  readonly sessionMs: Milliseconds
  readonly offsetDelayMs: Milliseconds
  /** Called when partitions were given to this member, when one of them moved on, and when their ends were asked for. */
  onProgress(): void
  onFailed(partition: number, error: unknown, attempt: Count): void
}

const fetchWaitMs: Milliseconds = 100
const closeLimitMs: Milliseconds = 5000

/**
 * One membership in a consumer group, from its join to its end.
 *
 * The library's loop only fetches and keeps the membership alive; handlers run beside it, one worker per partition, so
 * that heartbeats go on while a handler takes its time and no partition waits for another. Before the group is shared out
 * anew, the member finishes the batches in hand and commits them, for at most half a session.
 */
export class Membership {
  readonly #options: MembershipOptions
  readonly #consumer: Consumer
  readonly #commits: OffsetCommits
  readonly #workers = new Map<number, PartitionWorker>()
  /** The ends of handlers that outlived their worker. */
  readonly #stragglers = new Map<number, Promise<void>>()
  #cluster: Cluster | undefined
  #coordinator: Broker | undefined
  #owned: readonly number[] = []
  #opening: Promise<void> = Promise.resolve()
  #isOpen = false
  #round = 0
  #starting: Promise<void> = Promise.resolve()
  #isStopping = false
  #looking: Promise<unknown> | undefined
  readonly #failed = deferred<never>()

  constructor(options: MembershipOptions) {
    this.#options = options
    const { kafka, consumerGroup, sessionMs, clock, offsetDelayMs, logger, topic } = options
    this.#consumer = kafka.client().consumer({
      groupId: consumerGroup,
      partitionAssigners: [this.#assigner()],
      sessionTimeout: sessionMs,
      rebalanceTimeout: Math.max(30_000, 2 * sessionMs),
      heartbeatInterval: Math.min(1000, Math.ceil(sessionMs / 5)),
      maxWaitTimeInMs: fetchWaitMs,
      minBytes: 1,
      maxBytesPerPartition: 1024 * 1024,
      metadataMaxAge: 60_000,
      allowAutoTopicCreation: false,
      retry: {
        retries: 4,
        initialRetryTime: 100,
        maxRetryTime: 1000,
        factor: 0.5,
        restartOnFailure: async () => false,
      },
    })
    this.#commits = new OffsetCommits({
      clock,
      delayMs: offsetDelayMs,
      commit: (positions) =>
        this.#consumer.commitOffsets(
          [...positions].map(([partition, position]) => ({ topic, partition, offset: String(position) })),
        ),
      onFailed: (error) =>
        logger.debug('positions could not be committed; they are tried again', {
          group: consumerGroup,
          error: convertKafkaError(error, `group ${consumerGroup}`),
        }),
    })
    this.#listen()
  }

  /** Rejects when the membership has ended by itself, with the reason. */
  get failed(): Promise<never> {
    return this.#failed.promise
  }

  /** The partitions this member has, with their workers; `undefined` while they are being shared out. */
  get workers(): ReadonlyMap<number, PartitionWorker> | undefined {
    return this.#isOpen ? this.#workers : undefined
  }

  /** Joins the group and begins to fetch; whether that worked, {@link failed} tells. */
  start(): void {
    this.#starting = this.#start().catch((error: unknown) => this.#fail(error))
  }

  /** Finishes the batches in hand, commits them and leaves the group; bounded but for the handlers. */
  async stop(): Promise<void> {
    this.#isStopping = true
    this.#isOpen = false
    const { clock } = this.#options
    await Promise.all([...this.#workers.values()].map((worker) => worker.halt()).concat([...this.#stragglers.values()]))
    await Promise.race([this.#commits.flush(), wait(clock, closeLimitMs)])
    for (const worker of this.#workers.values()) worker.abandon()
    const leave = async (): Promise<void> => {
      await this.#starting
      await this.#consumer.disconnect()
      // What was asked meanwhile has connected the library's client again.
      await Promise.allSettled([this.#looking, this.#opening])
      await this.#consumer.disconnect()
    }
    const left = leave().catch((error: unknown) => {
      this.#options.logger.debug('leaving a group failed; its session will end', {
        group: this.#options.consumerGroup,
        error,
      })
    })
    await Promise.race([left, wait(clock, closeLimitMs)])
  }

  /** Asks where the partitions of this member end. One round trip per broker that leads some. */
  async lookAtEnds(): Promise<void> {
    const workers = [...this.#workers.values()]
    if (this.#cluster === undefined || this.#isStopping || workers.length === 0) return
    const looking = this.#edges(workers, false)
    this.#looking = looking
    const ends = await looking
    for (const worker of workers) worker.sees(ends.get(worker.partition) ?? 0)
    this.#options.onProgress()
  }

  async #start(): Promise<void> {
    await this.#consumer.connect()
    await this.#consumer.subscribe({ topics: [this.#options.topic], fromBeginning: true })
    if (this.#isStopping) return
    await this.#consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: (payload) => this.#receive(payload),
    })
  }

  #fail(error: unknown): void {
    this.#failed.reject(convertKafkaError(error, `group ${this.#options.consumerGroup}`))
  }

  #assigner(): PartitionAssigner {
    const sticky = stickyAssigner(() => this.#owned)
    return (config) => {
      const { cluster } = config
      this.#cluster = cluster
      const find = cluster.findGroupCoordinator.bind(cluster)
      // The library asks for the coordinator before each join: the one place where it waits for us.
      cluster.findGroupCoordinator = async (group) => {
        await this.#finishInHand()
        const coordinator = await find(group)
        this.#coordinator = coordinator
        return coordinator
      }
      return sticky(config)
    }
  }

  #listen(): void {
    const { GROUP_JOIN, CRASH } = this.#consumer.events
    this.#consumer.on(GROUP_JOIN, ({ payload }) => this.#joined(payload.memberAssignment[this.#options.topic] ?? []))
    this.#consumer.on(CRASH, ({ payload }) => this.#fail(payload.error))
  }

  async #finishInHand(): Promise<void> {
    const { clock, sessionMs, logger, consumerGroup } = this.#options
    this.#isOpen = false
    this.#round++
    const workers = [...this.#workers.values()]
    if (workers.length > 0) {
      const ended = Promise.all(workers.map((worker) => worker.halt())).then(() => 'ended')
      const outcome = await Promise.race([ended, wait(clock, sessionMs / 2)])
      if (outcome === 'ended') await this.#commits.flush()
      else
        logger.warn('a group is shared out anew while a handler takes its time; its batch will come again', {
          group: consumerGroup,
        })
    }
    for (const worker of workers) {
      worker.abandon()
      this.#follow(worker)
    }
    this.#workers.clear()
    await this.#commits.hold()
  }

  #follow(worker: PartitionWorker): void {
    const { partition } = worker
    const ended = Promise.all([this.#stragglers.get(partition), worker.halt()]).then(() => {
      if (this.#stragglers.get(partition) === ended) this.#stragglers.delete(partition)
    })
    this.#stragglers.set(partition, ended)
  }

  #joined(partitions: readonly number[]): void {
    this.#owned = partitions
    if (this.#isStopping) return
    this.#opening = this.#open(partitions, this.#round)
    this.#opening.catch((error: unknown) => this.#fail(error))
  }

  /** Begins where the group stopped: the positions are ours to know, not the library's. */
  async #open(partitions: readonly number[], round: number): Promise<void> {
    const positions = await this.#positions(partitions)
    if (this.#isStopping || round !== this.#round) return
    const { handler, maxBatch, maxBatchBytes, backoff, clock, topic } = this.#options
    this.#commits.resume()
    for (const partition of partitions)
      this.#workers.set(
        partition,
        new PartitionWorker({
          partition,
          position: positions.get(partition) ?? 0,
          handler,
          maxBatch,
          maxBatchBytes,
          backoff,
          clock,
          after: this.#stragglers.get(partition) ?? Promise.resolve(),
          onMoved: (worker) => {
            this.#commits.move(worker.partition, worker.position)
            this.#options.onProgress()
          },
          onFailed: (failed, error, attempt) => this.#options.onFailed(failed, error, attempt),
          onRoom: (room) => this.#consumer.resume([{ topic, partitions: [room] }]),
        }),
      )
    this.#isOpen = true
    this.#consumer.resume([{ topic }])
    this.#options.onProgress()
  }

  async #positions(partitions: readonly number[]): Promise<Map<number, number>> {
    const { topic, consumerGroup } = this.#options
    if (partitions.length === 0) return new Map()
    // The types ask for offsets in a question about offsets; they are not sent.
    const asked = partitions.map((partition) => ({ partition, offset: '-1' }))
    const [stored, starts] = await Promise.all([
      this.#coordinator!.offsetFetch({ groupId: consumerGroup, topics: [{ topic, partitions: asked }] }),
      this.#edges(
        partitions.map((partition) => ({ partition })),
        true,
      ),
    ])
    const committed = stored.responses.find((one) => one.topic === topic)?.partitions ?? []
    return new Map(
      committed.map(({ partition, offset }) => [partition, Math.max(Number(offset), starts.get(partition) ?? 0)]),
    )
  }

  async #edges(of: readonly { readonly partition: number }[], fromBeginning: boolean): Promise<Map<number, number>> {
    const { topic } = this.#options
    const asked = of.map(({ partition }) => ({ partition }))
    const [found] = await this.#cluster!.fetchTopicsOffset([{ topic, partitions: asked, fromBeginning }])
    return new Map((found?.partitions ?? []).map(({ partition, offset }) => [partition, Number(offset)]))
  }

  async #receive(payload: EachBatchPayload): Promise<void> {
    const { batch } = payload
    await this.#opening
    const worker = this.#isOpen ? this.#workers.get(batch.partition) : undefined
    if (worker === undefined) return
    const { topic } = this.#options
    const { partition } = batch
    const from = fetchedFrom(batch)
    const end = Number(batch.highWatermark)
    if ((from > worker.expected || end < worker.expected) && !(await this.#continues(worker, from))) {
      this.#consumer.seek({ topic, partition, offset: String(worker.expected) })
      return
    }
    worker.sees(end)
    worker.accept(
      batch.messages.map((message) => recordOf(message, partition)),
      Number(batch.lastOffset()) + 1,
    )
    payload.resolveOffset(batch.lastOffset())
    if (worker.isFull) this.#consumer.pause([{ topic, partitions: [partition] }])
  }

  /**
   * Tells whether a worker may go on with what was fetched from another offset than it waits for: yes when the records
   * between were removed by retention or the log was cut, no when the library merely fetched from the wrong place.
   */
  async #continues(worker: PartitionWorker, from: number): Promise<boolean> {
    const one = [worker]
    const [starts, ends] = await Promise.all([this.#edges(one, true), this.#edges(one, false)])
    const start = starts.get(worker.partition) ?? 0
    const end = ends.get(worker.partition) ?? 0
    const { topic, consumerGroup, logger } = this.#options
    const isGone = start > worker.expected && from <= start
    const isCut = end < worker.expected
    if (!isGone && !isCut) return from <= worker.expected
    logger.error('a group lost its place in a topic and goes on at the first record there is', {
      topic,
      group: consumerGroup,
      partition: worker.partition,
      expected: worker.expected,
      start,
      end,
    })
    worker.jump(from)
    return true
  }
}

const recordOf = (message: Batch['messages'][number], partition: number): ReadRecord => ({
  key: message.key?.toString() ?? '',
  payload: message.value ?? Buffer.alloc(0),
  partition,
  offset: Number(message.offset) + 1,
})

/** Where the library fetched from, which it keeps on a batch though its types do not say so. */
function fetchedFrom(batch: Batch): number {
  const { fetchedOffset } = batch as Batch & { readonly fetchedOffset?: string }
  return Number(fetchedOffset ?? batch.firstOffset())
}
