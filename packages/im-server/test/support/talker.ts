import {
  groupConversationID,
  opCodes,
  platformIDs,
  PushMessages,
  singleConversationID,
} from '@parlance/openim-protocol'
import type { Random } from '@parlance/testing'
import { ApiClient } from './api-client.ts'
import { RawClient } from './raw-client.ts'

/** A message as a session was pushed it. */
export interface Heard {
  readonly conversationID: string
  readonly seq: number
  readonly clientMsgID: string
}

/** What a talker tells of what it did and saw. */
export interface TalkerListener {
  acknowledged(conversationID: string, clientMsgID: string): void
  /** A conversation's highest number, as the server said it. */
  told(reader: string, conversationID: string, maxSeq: number): void
  heard(session: string, message: Heard): void
  /** A request got no answer, and its connection stayed open. */
  unanswered(what: string): void
}

type Target = { readonly recvID: string } | { readonly groupID: string }

/** A conversation that a talker speaks in. */
export interface SpokenIn {
  readonly conversationID: string
  readonly to: Target
}

/** Where a talker finds the server; asked at each attempt, so that it goes to who is alive. */
export interface Places {
  readonly apis: readonly string[]
  readonly gateways: readonly string[]
  readonly secret: string
}

const lanes = 2
const pauseMs = 50
/** Between two messages of a lane: what the server takes without a queue, also on a small machine. */
const breathMs = 150
const lookMs = 200
/** Seldom: what a session was told it is not pushed as well. */
const looksPerQuestion = 15
/** Far more than the server gives any of its parts. */
const patienceMs = 60_000

const pause = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms))

/** One connection of a talker, and how far it knows each conversation to go. */
interface Session {
  readonly name: string
  readonly client: RawClient
  readonly known: Map<string, number>
  framesRead: number
}

/**
 * A user that never stops: sends one message after the other, each again under its id until it is acknowledged, over whatever
 * gateway answers, and asks between how far its conversations go.
 */
export class Talker {
  readonly userID: string
  readonly conversations: readonly SpokenIn[]
  acknowledgedCount = 0
  sentCount = 0
  readonly #others: readonly string[]
  readonly #groupID: string
  readonly #places: Places
  readonly #random: Random
  readonly #listener: TalkerListener
  readonly #unconfirmed: { readonly to: Target; readonly id: string }[] = []
  readonly #newestHeard = new Map<string, number>()
  #session: Session | undefined
  #sessionCount = 0
  #lastFailure = 'none'
  #isQuiet = false
  #isStopped = false
  #running: Promise<void> = Promise.resolve()

  constructor(
    userID: string,
    others: readonly string[],
    groupID: string,
    places: Places,
    random: Random,
    listener: TalkerListener,
  ) {
    this.userID = userID
    this.#others = others
    this.#groupID = groupID
    this.#places = places
    this.#random = random
    this.#listener = listener
    this.conversations = [
      ...others.map((other) => ({ conversationID: singleConversationID(userID, other), to: { recvID: other } })),
      { conversationID: groupConversationID(groupID), to: { groupID } },
    ]
  }

  start(): void {
    this.#running = this.#run()
  }

  /** Sends no more than what is not acknowledged yet, and asks nothing; its session stays. */
  fallSilent(): void {
    this.#isQuiet = true
  }

  /** Whether all that it sent was acknowledged. */
  get isDone(): boolean {
    return this.#isQuiet && this.acknowledgedCount === this.sentCount
  }

  /** For who wonders why nothing comes of it. */
  get state(): string {
    const { name, client } = this.#session ?? {}
    return `${name ?? 'never connected'} ${client?.closed === undefined ? 'open' : client.closed.reason}, last: ${this.#lastFailure}`
  }

  async stop(): Promise<void> {
    this.#isQuiet = true
    this.#isStopped = true
    this.#session?.client.close()
    await this.#running
  }

  /** Whether it was pushed something that another said behind its first so many messages. */
  hasHeardBehind(counts: ReadonlyMap<string, number>): boolean {
    return this.#others.some((other) => (this.#newestHeard.get(other) ?? 0) > counts.get(other)!)
  }

  /** How far its session knows a conversation to go: it was pushed that, or told at its beginning. */
  knows(conversationID: string): number {
    return this.#session?.known.get(conversationID) ?? 0
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      try {
        const session = await this.#connect()
        this.#session = session
        await this.#tellHeads(session)
        const lane = (): Promise<void> => this.#speak(session)
        await Promise.all([this.#look(session), ...Array.from({ length: lanes }, lane)])
        session.client.close()
        this.#listen(session)
      } catch (error) {
        // Nobody there just now: another place, or the same a little later.
        this.#lastFailure = String(error)
        this.#session?.client.close()
        await pause(pauseMs)
      }
    }
  }

  async #speak({ client }: Session): Promise<void> {
    while (client.closed === undefined) {
      const message = this.#unconfirmed.shift() ?? (this.#isQuiet ? undefined : this.#next())
      if (message === undefined) {
        await pause(pauseMs)
        continue
      }
      try {
        await this.#patiently(client, message.id, client.send(client.text(message.id, message.to, message.id)))
        this.acknowledgedCount++
        this.#listener.acknowledged(this.#conversationOf(message.to), message.id)
        await pause(breathMs)
      } catch (error) {
        this.#lastFailure = String(error)
        this.#unconfirmed.push(message)
        await pause(pauseMs)
      }
    }
  }

  async #look(session: Session): Promise<void> {
    const { client } = session
    let looks = 0
    while (client.closed === undefined) {
      this.#listen(session)
      // Refused, or cut off: the next look tells.
      if (looks++ % looksPerQuestion === 0 && !this.#isQuiet) await this.#tellHeads(session).catch(() => undefined)
      await pause(lookMs)
    }
  }

  async #tellHeads({ client, known }: Session): Promise<void> {
    const heads = await this.#patiently(client, 'how far conversations go', client.seqs())
    for (const [id, { maxSeq }] of Object.entries(heads)) {
      this.#listener.told(this.userID, id, maxSeq)
      known.set(id, Math.max(known.get(id) ?? 0, maxSeq))
    }
  }

  /** Takes in what was pushed since it last listened. */
  #listen(session: Session): void {
    const { name, client, known } = session
    const frames = client.frames.slice(session.framesRead)
    session.framesRead += frames.length
    for (const { op, msgIncr, data } of frames) {
      if (msgIncr !== '' || op !== opCodes.pushMsg) continue
      for (const [conversationID, { Msgs }] of Object.entries(PushMessages.decode(data).msgs))
        for (const { seq, clientMsgID } of Msgs) {
          this.#listener.heard(name, { conversationID, seq, clientMsgID })
          known.set(conversationID, Math.max(known.get(conversationID) ?? 0, seq))
          const [speaker, count] = clientMsgID.split('-') as [string, string]
          this.#newestHeard.set(speaker, Math.max(this.#newestHeard.get(speaker) ?? 0, Number(count)))
        }
    }
  }

  async #patiently<T>(client: RawClient, what: string, answer: Promise<T>): Promise<T> {
    const timer = setTimeout(() => {
      this.#listener.unanswered(`${this.userID} waited for ${what} for ${patienceMs} ms`)
      client.terminate()
    }, patienceMs)
    try {
      return await answer
    } finally {
      clearTimeout(timer)
    }
  }

  #next(): { readonly to: Target; readonly id: string } {
    const to = this.#random.int(3) === 0 ? { groupID: this.#groupID } : { recvID: this.#random.pick([...this.#others]) }
    return { to, id: `${this.userID}-${++this.sentCount}` }
  }

  #conversationOf(to: Target): string {
    return 'groupID' in to ? groupConversationID(to.groupID) : singleConversationID(this.userID, to.recvID)
  }

  async #connect(): Promise<Session> {
    const { apis, gateways, secret } = this.#places
    const admin = await ApiClient.admin(this.#random.pick([...apis]), secret)
    const token = await admin.userToken(this.userID, platformIDs.web)
    const ws = this.#random.pick([...gateways])
    const client = await RawClient.connect({ ws, userID: this.userID, token })
    return { name: `${this.userID}#${++this.#sessionCount}`, client, known: new Map(), framesRead: 0 }
  }
}
