import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { errorCodes } from '@parlance/openim-protocol'
import { noSuchPath, refusalText, writeAnswer } from '../api/answer.ts'
import type { ImGateway } from '../composition/tokens.ts'
import { handleBelow, isBelow, mountPath } from './mounted-request.ts'
import { RequestRoutes } from './request-routes.ts'

/** Our paths on other people's HTTP servers, which stay theirs: they are neither closed nor otherwise changed. */
export class Attachments {
  readonly #gateway: Pick<ImGateway, 'attach'> | undefined
  readonly #answer: (request: IncomingMessage, response: ServerResponse) => boolean
  readonly #detachers = new Set<() => void>()
  readonly #underway = new Set<ServerResponse>()
  #whenDone: (() => void) | undefined
  #isClosing = false

  /**
   * @param gateway - absent where this process holds no sessions: upgrades are not ours then.
   * @param answer - answers a request that is one of ours; false for any other, which was not touched.
   */
  constructor(
    gateway: Pick<ImGateway, 'attach'> | undefined,
    answer: (request: IncomingMessage, response: ServerResponse) => boolean,
  ) {
    this.#gateway = gateway
    this.#answer = answer
  }

  /** Takes over the requests and upgrades below `path`; returns how to let go. What was begun is finished. */
  attach(server: Server, path: string): () => void {
    const base = mountPath(path)
    const releaseRequests = RequestRoutes.of(server).add(base, (request, response) =>
      this.#take(base, request, response),
    )
    const releaseUpgrades = this.#gateway?.attach(server, { path: base })
    const detach = (): void => {
      releaseRequests()
      releaseUpgrades?.()
      this.#detachers.delete(detach)
    }
    this.#detachers.add(detach)
    return detach
  }

  /** Answers one request that is ours; false for any other, and once {@link close} began. */
  handle(request: IncomingMessage, response: ServerResponse, path: string): boolean {
    const base = path === '' ? '' : mountPath(path)
    if (this.#isClosing || !isBelow(base, request.url)) return false
    const isOurs = handleBelow(base, request, () => this.#answer(request, response))
    if (isOurs) this.#track(response)
    return isOurs
  }

  /**
   * Refuses new requests with 1801, waits until the others are answered or `signal` aborts, and lets go of every server. Connections
   * that are still busy then are cut off.
   */
  async close(signal: AbortSignal): Promise<void> {
    this.#isClosing = true
    await new Promise<void>((resolve) => {
      this.#whenDone = resolve
      if (this.#underway.size === 0 || signal.aborted) resolve()
      else signal.addEventListener('abort', () => resolve(), { once: true })
    })
    for (const response of this.#underway) response.destroy()
    for (const detach of this.#detachers) detach()
  }

  #take(base: string, request: IncomingMessage, response: ServerResponse): void {
    if (this.#isClosing)
      return writeAnswer(response, refusalText(errorCodes.ServerBusyError, 'the server is stopping; try again later'))
    this.#track(response)
    if (!handleBelow(base, request, () => this.#answer(request, response))) writeAnswer(response, noSuchPath, 404)
  }

  #track(response: ServerResponse): void {
    this.#underway.add(response)
    response.once('close', () => {
      this.#underway.delete(response)
      if (this.#underway.size === 0) this.#whenDone?.()
    })
  }
}
