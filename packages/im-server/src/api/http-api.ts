import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  type Clock,
  type Count,
  latencyBucketsMs,
  type Logger,
  type Metrics,
  type Milliseconds,
  noMetrics,
  silentLogger,
  systemClock,
} from '@parlance/core'
import { errorCodes } from '@parlance/openim-protocol'
import type { Caller } from '../domain/caller.ts'
import { ImError } from '../domain/im-error.ts'
import { badArgument } from '../domain/refusals.ts'
import type { TokenClaims } from '../domain/tokens.ts'
import { wireFailure } from '../domain/wire-error.ts'
import { preflightHeaders, refusalText, successText, writeAnswer } from './answer.ts'
import { parseJson } from './json-text.ts'
import { Bodies, type BodyLimits, ClientGoneError } from './bodies.ts'
import type { Route } from './route.ts'

/** Bounds on what clients may ask of the HTTP API. */
export interface HttpApiLimits extends BodyLimits {
  /** Levels of lists and objects within a body. */
  readonly bodyDepth: Count
  /** Time for a route's work; then the client is told to try again. */
  readonly handlerMs: Milliseconds
  /** Requests worked on at once; one more is refused with 1801. */
  readonly requestCount: Count
}

/** Bounds that suit a server with default settings. */
const defaultHttpApiLimits: HttpApiLimits = {
  bodyBytes: 1024 * 1024,
  bodyMs: 30_000,
  allBodiesBytes: 64 * 1024 * 1024,
  bodyDepth: 32,
  handlerMs: 30_000,
  requestCount: 2_000,
}

/** What the HTTP API needs. */
export interface HttpApiOptions {
  readonly routes: readonly Route[]
  /** Tells whose token it is. @throws {@link ImError} 1501 to 1507 for one that is not valid. */
  readonly tokens: { verify(token: string): Promise<TokenClaims> }
  readonly isAdmin: (userID: string) => boolean
  /** Hears of every request that is handled, and of its answer. */
  readonly unanswered?: { begin(operationID: string): () => void }
  readonly logger?: Logger
  readonly metrics?: Metrics
  readonly limits?: Partial<HttpApiLimits>
  readonly clock?: Clock
}

/** Answers OpenIM's HTTP API on any `node:http` server. */
export interface HttpApi {
  /**
   * Takes a request over when its path is one of the API's, and answers it; never throws.
   *
   * @returns false for any other path: the request was not touched.
   */
  handle(request: IncomingMessage, response: ServerResponse): boolean
}

const protobufType = 'application/x-protobuf'
const operationIDLength = 256

/** Builds the HTTP API from its routes. */
export function createHttpApi(options: HttpApiOptions): HttpApi {
  const { tokens, isAdmin, unanswered, logger = silentLogger, metrics = noMetrics, clock = systemClock } = options
  const limits = { ...defaultHttpApiLimits, ...options.limits }
  const routes = new Map(options.routes.map((route) => [route.path, route]))
  const underway = metrics.gauge('api_requests_underway', 'Requests to the HTTP API being worked on.')
  const bodies = new Bodies(limits, clock)
  let underwayCount = 0

  const call = async (
    route: Route,
    request: IncomingMessage,
    operationID: string,
    begin: () => void,
  ): Promise<string> => {
    const visitor = {
      operationID,
      remoteAddress: request.socket.remoteAddress ?? '',
      header: (name: string) => headerOf(request, name),
      request,
    }
    if (operationID === '' || operationID.length > operationIDLength)
      throw badArgument(`the header operationID must have 1 to ${operationIDLength} characters`)
    const caller = route.rule === 'open' ? undefined : await callerOf(request, operationID)
    const bytes = await bodies.read(request)
    try {
      const isProtobuf =
        route.forms !== undefined && headerOf(request, 'content-type').toLowerCase().startsWith(protobufType)
      const body = isProtobuf ? route.forms.decodeProtobuf(bytes) : parseJson(bytes, limits.bodyDepth)
      begin()
      const given = await route.handle(visitor, caller, body)
      if (route.forms === undefined) return successText(given)
      if (!isProtobuf) return successText(route.forms.toJson(given))
      return successText(Buffer.from(route.forms.encodeProtobuf(given)).toString('base64'))
    } finally {
      bodies.release(bytes)
    }
  }

  const callerOf = async (request: IncomingMessage, operationID: string): Promise<Caller> => {
    const { userID, platformID } = await tokens.verify(tokenOf(request))
    return { userID, platformID, isAdmin: isAdmin(userID), operationID }
  }

  // Counted until the work ends, though its client may have been told earlier to try again.
  const counted = (route: Route, request: IncomingMessage, operationID: string, begin: () => void): Promise<string> => {
    underway.set(++underwayCount)
    return call(route, request, operationID, begin).finally(() => underway.set(--underwayCount))
  }

  const answer = async (route: Route, request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const startedMs = clock.elapsed()
    const given = headerOf(request, 'operationid')
    const operationID = given === '' && route.operationID === 'optional' ? randomUUID() : given
    let code = 0
    let text: string
    let answered: (() => void) | undefined
    try {
      text = await within(
        clock,
        limits.bodyMs + limits.handlerMs,
        counted(route, request, operationID, () => (answered = unanswered?.begin(operationID))),
      )
    } catch (error) {
      if (error instanceof ClientGoneError) return answered?.()
      const { errCode, detail } = wireFailure(error)
      if (errCode === errorCodes.ServerInternalError)
        logger.error('a request failed', { path: route.path, operationID, error })
      code = errCode
      text = refusalText(errCode, detail)
    }
    metrics.counter('api_requests_total', 'Answers of the HTTP API.', { path: route.path, code: String(code) }).add()
    metrics
      .histogram('api_request_ms', 'Time to answer a request.', latencyBucketsMs, { path: route.path })
      .observe(clock.elapsed() - startedMs)
    writeAnswer(response, text)
    answered?.()
  }

  return {
    handle(request, response) {
      const route = routes.get(pathOf(request))
      if (route === undefined) return false
      if (request.method === 'OPTIONS') {
        response.writeHead(204, preflightHeaders).end()
      } else if (request.method !== 'POST') {
        writeAnswer(response, refusalText(errorCodes.ArgsError, 'the API takes POST requests only'), 405)
      } else if (underwayCount >= limits.requestCount) {
        writeAnswer(response, refusalText(errorCodes.ServerBusyError, 'the server is busy; try again later'))
      } else {
        void answer(route, request, response)
      }
      return true
    },
  }
}

/** Two that answer on one server; the first takes what both know. */
export const firstOf = (first: HttpApi, second: HttpApi): HttpApi => ({
  handle: (request, response) => first.handle(request, response) || second.handle(request, response),
})

function within<T>(clock: Clock, limitMs: Milliseconds, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(limitMs, () =>
      reject(new ImError(errorCodes.ServerBusyError, 'the server is busy; try again later')),
    )
    void work.then(resolve, reject).finally(() => timer.cancel())
  })
}

function pathOf(request: IncomingMessage): string {
  const url = request.url ?? ''
  const query = url.indexOf('?')
  return query < 0 ? url : url.slice(0, query)
}

function headerOf(request: IncomingMessage, name: string): string {
  const value = request.headers[name]
  return typeof value === 'string' ? value : ''
}

function tokenOf(request: IncomingMessage): string {
  const token = headerOf(request, 'token')
  if (token === '') throw badArgument('the header token is missing; get a token from /auth/get_user_token')
  return token
}
