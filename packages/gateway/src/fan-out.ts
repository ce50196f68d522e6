import type { Count } from '@parlance/core'
import type { SessionCodec } from './codec.ts'
import type { Connection } from './connection.ts'
import { buildFrame } from './frame.ts'
import type { DeliverOptions } from './gateway.ts'
import type { OpMessage } from './ops.ts'
import type { SessionTable } from './session-table.ts'

/** One message as a frame, encoded when the first receiver of a codec needs it and then shared. */
class SharedFrame<In, Out> {
  readonly #message: Out
  readonly #frames = new Map<string, Buffer>()
  #codec: SessionCodec<In, Out> | undefined
  #frame: Buffer | undefined

  constructor(message: Out) {
    this.#message = message
  }

  for(codec: SessionCodec<In, Out>): Buffer {
    if (codec === this.#codec) return this.#frame!
    let frame = this.#frames.get(codec.name)
    if (frame === undefined) {
      const { bytes, binary } = codec.encode(this.#message)
      frame = buildFrame(bytes, binary)
      this.#frames.set(codec.name, frame)
    }
    this.#codec = codec
    this.#frame = frame
    return frame
  }
}

/** Queues messages to many of this node's sessions at once. */
export class FanOut<In extends OpMessage, Out> {
  readonly #sessions: SessionTable<In, Out>
  #delivery = 0

  constructor(sessions: SessionTable<In, Out>) {
    this.#sessions = sessions
  }

  /** To every session of the subjects; each once, also when a subject is named twice. Returns how many queued it. */
  toSubjects(subjects: Iterable<string>, message: Out, { except, only, after }: DeliverOptions<In, Out>): Count {
    const delivery = ++this.#delivery
    const frame = new SharedFrame<In, Out>(message)
    let reached = 0
    for (const subject of subjects)
      for (const session of this.#sessions.of(subject)) {
        if (session.lastDelivery === delivery) continue
        session.lastDelivery = delivery
        if (!session.isOpen || except?.(session) === true || only?.(session) === false) continue
        const requestKey = after?.sessionId === session.id ? after.requestKey : undefined
        if (session.push(frame.for(session.codec), requestKey)) reached++
      }
    return reached
  }

  /** To the given sessions. */
  toSessions(sessions: Iterable<Connection<In, Out>>, message: Out): void {
    const frame = new SharedFrame<In, Out>(message)
    for (const session of sessions) session.push(frame.for(session.codec))
  }
}
