import { statSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join, resolve } from 'node:path'
import type { Logger } from '@parlance/core'
import send from 'send'
import { ConfigError } from './config-error.ts'

/** Takes a request for a page over; returns false for every other request, which was not touched. */
export type PageHandler = (request: IncomingMessage, response: ServerResponse) => boolean

/** What {@link createPage} needs. */
export interface PageOptions {
  /** Folder of the page; without one, `/` says in one line what answers here. */
  readonly folder: string | undefined
  /** Port that the page connects its WebSocket to. */
  readonly wsPort: () => number
  readonly logger: Logger
}

/** Files that a build named after their content: what is in them never changes. */
const hashed = /[\\/]assets[\\/][^\\/]+-[\w-]{8}\.\w+$/

/**
 * Serves the files of one folder, and no others: no hidden ones, none above it, no lists. GET and HEAD, with ETags.
 *
 * @throws ConfigError when the folder has no index.html.
 */
export function createPage({ folder, wsPort, logger }: PageOptions): PageHandler {
  const root = folder === undefined ? undefined : resolve(folder)
  if (root !== undefined) refuseEmpty(root)
  return (request, response) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return false
    const path = (request.url ?? '').split('?', 1)[0]!
    if (root === undefined) {
      if (path !== '/') return false
      say(
        response,
        200,
        'This is a Parlance IM server: its API takes POST requests, and no page is set (PARLANCE_PAGE).',
      )
      return true
    }
    response.setHeader('x-content-type-options', 'nosniff')
    send(request, path, { root, dotfiles: 'ignore', acceptRanges: false, cacheControl: false, lastModified: false })
      .on('headers', (sent: ServerResponse, file: string) => {
        sent.setHeader('cache-control', hashed.test(file) ? 'public, max-age=31536000, immutable' : 'no-cache')
        sent.setHeader('content-security-policy', contentPolicy(request.headers.host, wsPort()))
        sent.setHeader('cross-origin-resource-policy', 'same-origin')
        sent.setHeader('referrer-policy', 'no-referrer')
      })
      .on('directory', () => say(response, 404, 'There is no such page.'))
      .on('error', (error: Error & { readonly status?: number }) => {
        const status = error.status ?? 500
        if (status >= 500) logger.error('a file of the page could not be sent', { path, error })
        say(response, status < 500 ? 404 : 500, status < 500 ? 'There is no such page.' : 'The page cannot be read.')
      })
      .pipe(response)
    return true
  }
}

function refuseEmpty(root: string): void {
  const index = join(root, 'index.html')
  if (statSync(index, { throwIfNoEntry: false })?.isFile() !== true)
    throw new ConfigError(
      `the page has no ${index}: set PARLANCE_PAGE to the folder of a built page, or unset it (in this repository: npm run setup)`,
    )
}

/** Scripts and connections of this server only; WebAssembly is compiled, nothing else is evaluated. */
function contentPolicy(host: string | undefined, wsPort: number): string {
  const name = `http://${host ?? ''}`
  const socket = URL.canParse(name) ? ` ws://${new URL(name).hostname}:${wsPort}` : ''
  return [
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",
    // OpenIM's SDK makes an empty worker of a blob to see whether the browser has module workers; it inherits this policy.
    "worker-src 'self' blob:",
    "style-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    `connect-src 'self'${socket}`,
    "frame-src 'self'",
    "frame-ancestors 'self'",
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ')
}

function say(response: ServerResponse, status: number, line: string): void {
  if (response.headersSent || response.destroyed) return
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' })
  response.end(`${line}\n`)
}
