import type { IncomingMessage, ServerResponse } from 'node:http'
import { PassThrough } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Busboy, type BusboyHeaders, type BusboyInstance } from '@fastify/busboy'
import {
  type Bytes,
  type Clock,
  type Count,
  heardLater,
  type Logger,
  type Metrics,
  type Milliseconds,
  noMetrics,
  silentLogger,
  systemClock,
  type Timer,
} from '@parlance/core'
import { errorCodes } from '@parlance/openim-protocol'
import fresh from 'fresh'
import parseRange from 'range-parser'
import { ImError } from '../domain/im-error.ts'
import type { Objects } from '../domain/objects/objects.ts'
import type { SignedPaths } from '../domain/objects/signed-paths.ts'
import type { Uploads } from '../domain/objects/uploads.ts'
import { badArgument, notFound } from '../domain/refusals.ts'
import { wireFailure } from '../domain/wire-error.ts'
import { crossOriginHeaders, refusalText, writeAnswer } from './answer.ts'
import { ClientGoneError } from './bodies.ts'
import type { HttpApi } from './http-api.ts'
import { objectHeaders } from './object-headers.ts'

/** Bounds on what moves at the same time. */
export interface ObjectTransferLimits {
  /** Files and parts that are on their way; one more is refused with 1801. */
  readonly transferCount: Count
  /** How long nothing may move before a connection is closed. */
  readonly idleMs: Milliseconds
}

/** Bounds that suit a server with default settings. */
const defaultObjectTransferLimits: ObjectTransferLimits = { transferCount: 1_000, idleMs: 60_000 }

/** What moving files needs. */
export interface ObjectTransferOptions {
  readonly objects: Objects
  readonly uploads: Uploads
  readonly paths: SignedPaths
  readonly limits?: Partial<ObjectTransferLimits>
  readonly logger?: Logger
  readonly metrics?: Metrics
  readonly clock?: Clock
}

type Work = (request: IncomingMessage, response: ServerResponse) => Promise<void>

/** What comes after a body was refused is thrown away up to this, so that a client that only reads after writing gets its answer. */
const discardBytes: Bytes = 16 * 1024 * 1024

const statuses: ReadonlyMap<number, number> = new Map<number, number>([
  [errorCodes.ArgsError, 400],
  [errorCodes.NoPermissionError, 403],
  [errorCodes.RecordNotFoundError, 404],
  [errorCodes.FileUploadedExpiredError, 410],
  [errorCodes.TooLargeError, 413],
  [errorCodes.ServerBusyError, 503],
])

/**
 * Moves the bytes of files: parts and forms in, content out, each by a signed path, and the way from an object's name to its
 * content. Unlike the API it tells failures by HTTP's status too, since that is all that SDKs and browsers look at here.
 */
export function createObjectTransfer(options: ObjectTransferOptions): HttpApi {
  const { objects, uploads, paths, logger = silentLogger, metrics = noMetrics, clock = systemClock } = options
  const limits = { ...defaultObjectTransferLimits, ...options.limits }
  const underway = metrics.gauge('object_transfers_underway', 'Files and parts being moved.')
  let underwayCount = 0

  const lead = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const object = await objects.named(decoded(pathOf(request).slice('/object/'.length)))
    const { path, expires } = objects.contentPath(object)
    const freshSeconds = Math.max(0, Math.floor((expires - clock.now()) / 2_000))
    // Relative, so that it is right whatever stands before our paths.
    const up = '../'.repeat(pathOf(request).split('/').length - 2)
    response
      .writeHead(302, {
        ...crossOriginHeaders,
        location: up + path.slice(1),
        'cache-control': `private, max-age=${freshSeconds}`,
        'referrer-policy': 'no-referrer',
      })
      .end()
  }

  const give = async (request: IncomingMessage, response: ServerResponse, objectID: string): Promise<void> => {
    const { expires } = checkPath(request)
    const object = await objects.byID(objectID)
    const headers = objectHeaders(object, expires - clock.now())
    if (fresh(request.headers, { etag: headers['etag'] })) return void response.writeHead(304, headers).end()
    const range = rangeOf(request, object.size, headers['etag']!)
    if (range === 'none') {
      response.writeHead(416, { ...crossOriginHeaders, 'content-range': `bytes */${object.size}` }).end()
      return
    }
    const { start, end } = range ?? { start: 0, end: object.size - 1 }
    const partly = range === undefined ? {} : { 'content-range': `bytes ${start}-${end}/${object.size}` }
    const stream = request.method === 'HEAD' ? undefined : await objects.read(object, range)
    response.writeHead(range === undefined ? 200 : 206, { ...headers, ...partly, 'content-length': end - start + 1 })
    if (stream === undefined) response.end()
    else await pipeline(stream, response)
  }

  const takePart = async (
    request: IncomingMessage,
    response: ServerResponse,
    uploadID: string,
    partNumber: number,
  ): Promise<void> => {
    const { byteCount } = checkPath(request)
    const announced = request.headers['content-length']
    if (announced !== undefined && Number(announced) !== byteCount)
      throw badArgument(`part ${partNumber} has ${byteCount} bytes, not ${announced}; send exactly these`)
    const { md5 } = await uploads.receive(uploadID, partNumber, byteCount, bodyOf(request))
    response.writeHead(200, { ...crossOriginHeaders, etag: `"${md5}"`, 'content-length': 0 }).end()
  }

  const takeForm = async (request: IncomingMessage, response: ServerResponse, uploadID: string): Promise<void> => {
    const { byteCount } = checkPath(request)
    const form = openForm(request, byteCount)
    let received: Promise<unknown> = heardLater(
      Promise.reject(badArgument('file: is missing; send it as the field "file"')),
    )
    form.on('file', (_field, file) => {
      received = uploads.receive(uploadID, 1, byteCount, file)
      received.catch((error: unknown) => form.destroy(error as Error))
      form.once('error', (error: Error) => file.destroy(error))
    })
    await pipeline(bodyOf(request), form).catch((error: unknown) => Promise.reject(formFailure(error)))
    await received
    response.writeHead(204, crossOriginHeaders).end()
  }

  const checkPath = (request: IncomingMessage) => paths.check(pathOf(request), queryOf(request))

  const workOf = (request: IncomingMessage): { readonly methods: string; readonly work: Work } | undefined => {
    const [, place, first = '', second] = pathOf(request).split('/')
    if (place === 'object') return { methods: 'GET, HEAD', work: lead }
    if (place === 'object-content')
      return { methods: 'GET, HEAD', work: (request, response) => give(request, response, first) }
    if (place === 'object-part')
      return { methods: 'PUT', work: (request, response) => takePart(request, response, first, Number(second)) }
    if (place === 'object-form')
      return { methods: 'POST', work: (request, response) => takeForm(request, response, first) }
    return undefined
  }

  const run = async (work: Work, request: IncomingMessage, response: ServerResponse): Promise<void> => {
    underway.set(++underwayCount)
    const watch = watchIdle(request, response)
    try {
      await work(request, response)
    } catch (error) {
      fail(request, response, error)
    } finally {
      watch.cancel()
      underway.set(--underwayCount)
    }
  }

  const watchIdle = ({ socket }: IncomingMessage, response: ServerResponse): Timer => {
    let movedBytes = -1
    const look = (): Timer => clock.after(limits.idleMs, () => (timer = watchAgain()))
    const watchAgain = (): Timer => {
      const before = movedBytes
      movedBytes = socket.bytesRead + socket.bytesWritten
      if (movedBytes === before) response.destroy()
      return look()
    }
    let timer = watchAgain()
    return { cancel: () => timer.cancel() }
  }

  const fail = (request: IncomingMessage, response: ServerResponse, error: unknown): void => {
    if (response.headersSent || response.destroyed || error instanceof ClientGoneError) return void response.destroy()
    const { errCode, detail } = wireFailure(error)
    if (errCode === errorCodes.ServerInternalError)
      logger.error('a file could not be moved', { path: pathOf(request), error })
    writeAnswer(response, refusalText(errCode, detail), statuses.get(errCode) ?? 500)
    discard(request)
  }

  return {
    handle(request, response) {
      const found = workOf(request)
      if (found === undefined) return false
      const { methods, work } = found
      if (request.method === 'OPTIONS') {
        response
          .writeHead(204, {
            ...crossOriginHeaders,
            'access-control-allow-methods': methods,
            'access-control-allow-headers': 'content-type, token, operationID, range, if-none-match, if-range',
            'access-control-max-age': '86400',
          })
          .end()
      } else if (!methods.split(', ').includes(request.method ?? '')) {
        writeAnswer(response, refusalText(errorCodes.ArgsError, `this path takes ${methods} requests only`), 405)
      } else if (underwayCount >= limits.transferCount) {
        fail(request, response, new ImError(errorCodes.ServerBusyError, 'the server is busy; try again later'))
      } else {
        void run(work, request, response)
      }
      return true
    },
  }
}

/** The body, apart from its connection: when reading it fails, an answer can still be written. */
function bodyOf(request: IncomingMessage): PassThrough {
  const body = new PassThrough()
  request.once('close', () => {
    if (!request.complete) body.destroy(new ClientGoneError('the client closed the connection within a file'))
  })
  return request.pipe(body)
}

function discard(request: IncomingMessage): void {
  let byteCount = 0
  request.unpipe()
  request.on('data', (chunk: Buffer) => {
    byteCount += chunk.length
    if (byteCount > discardBytes) request.destroy()
  })
  request.resume()
}

function openForm(request: IncomingMessage, byteCount: Bytes): BusboyInstance {
  try {
    return new Busboy({
      headers: request.headers as BusboyHeaders,
      limits: { files: 1, fields: 16, fieldNameSize: 100, fieldSize: 4096, headerPairs: 32, fileSize: byteCount + 1 },
    })
  } catch (error) {
    throw badArgument(`the body is no form: ${(error as Error).message}; send multipart/form-data`)
  }
}

/** The parser's own errors have no code, unlike ours and the system's. */
const formFailure = (error: unknown): unknown =>
  error instanceof Error && !('code' in error) ? badArgument(`the form cannot be read: ${error.message}`) : error

/** The piece that is asked for: undefined for all of it, `none` when there is no such piece. */
function rangeOf(
  { headers }: IncomingMessage,
  size: Bytes,
  etag: string,
): { readonly start: Bytes; readonly end: Bytes } | 'none' | undefined {
  const { range, 'if-range': unchanged } = headers
  if (range === undefined || (unchanged !== undefined && unchanged !== etag)) return undefined
  const found = parseRange(size, range, { combine: true })
  if (found === -1) return 'none'
  if (found === -2 || found.type !== 'bytes' || found.length !== 1) return undefined
  return found[0]
}

function pathOf({ url = '' }: IncomingMessage): string {
  return url.split('?', 1)[0]!
}

function queryOf({ url = '' }: IncomingMessage): URLSearchParams {
  const at = url.indexOf('?')
  return new URLSearchParams(at < 0 ? '' : url.slice(at))
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch (error) {
    throw notFound(`there is no such object: ${(error as Error).message}`)
  }
}
