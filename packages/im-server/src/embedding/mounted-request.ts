import type { IncomingMessage } from 'node:http'
import { InvalidArgumentError } from '@parlance/core'

/** Where Express and others keep what a request asked for, while `url` is what is left below the path it was routed by. */
type Routed = IncomingMessage & { originalUrl?: string }

/**
 * The path that somebody else's server leaves to us, without a slash at its end.
 *
 * @throws {@link InvalidArgumentError} when it is no path, or the root: that one is `listen`'s.
 */
export function mountPath(path: string): string {
  const base = path.endsWith('/') ? path.slice(0, -1) : path
  if (!/^(?:\/[\w.~-]+)+$/.test(base))
    throw new InvalidArgumentError(`${JSON.stringify(path)} is not a path below the root: choose one like /chat`)
  return base
}

/** Whether a request asks for the path or something below it. */
export function isBelow(base: string, url = ''): boolean {
  const next = url[base.length]
  return url.startsWith(base) && (next === undefined || next === '/' || next === '?')
}

/**
 * Gives a request to somebody who knows nothing of the path it came by; puts the request back as it was when that one does not want it.
 *
 * @returns what `handle` returned.
 */
export function handleBelow(base: string, request: Routed, handle: () => boolean): boolean {
  const { url = '', originalUrl } = request
  const rest = url.slice(base.length)
  request.originalUrl = originalUrl ?? url
  request.url = rest.startsWith('/') ? rest : `/${rest}`
  if (handle()) return true
  request.url = url
  if (originalUrl === undefined) delete request.originalUrl
  return false
}

/** The path under which the client sees what we know as `/`, without a slash at its end. */
export function visibleBase(request: Routed): string {
  const [asked, left] = [request.originalUrl ?? '', request.url ?? ''].map((url) => url.split('?', 1)[0]!)
  return asked!.endsWith(left!) ? asked!.slice(0, asked!.length - left!.length) : ''
}
