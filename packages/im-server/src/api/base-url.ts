import type { TLSSocket } from 'node:tls'
import { badArgument } from '../domain/refusals.ts'
import { visibleBase } from '../embedding/mounted-request.ts'
import type { Visitor } from './route.ts'

const hostPattern = /^(?:[\w.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i

/**
 * Where clients reach the API: `publicURL`, or where the request came to, as far as this process can see it, with the path that we serve below.
 *
 * @throws {@link ImError} 1001 when the request does not say which host it asked.
 */
export function baseURL(publicURL: string | undefined, { header, request }: Visitor): string {
  if (publicURL !== undefined) return publicURL.replace(/\/+$/, '')
  const host = header('host')
  if (!hostPattern.test(host)) throw badArgument('the header host is missing or wrong; the server needs it for URLs')
  return `${(request.socket as TLSSocket).encrypted ? 'https' : 'http'}://${host}${visibleBase(request)}`
}
