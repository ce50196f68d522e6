import type { IncomingHttpHeaders } from 'node:http'
import { badArgument, noPermission } from '../domain/refusals.ts'

/**
 * Refuses what a page of another site makes a browser send: the browser adds the user's cookies to that as well.
 *
 * Browsers say where a request comes from, in headers that no page can write. What has none of them comes from no browser.
 *
 * @throws {@link ImError} 1002
 */
export function refuseCrossSite({ 'sec-fetch-site': site, origin, host }: IncomingHttpHeaders): void {
  const isOwn = site === undefined ? origin === undefined || hostOf(origin) === host : site === 'same-origin'
  if (!isOwn) throw noPermission('the request comes from a page of another site; only pages of this one may make it')
}

/**
 * Scheme and host as the client sees them. A page's own origin knows of proxies in between; refuse other sites' before.
 *
 * @throws {@link ImError} 1001 when the client does not say which host it asked.
 */
export function visibleOrigin({ origin, host }: IncomingHttpHeaders, isEncrypted: boolean): string {
  if (origin !== undefined && hostOf(origin) !== undefined) return origin
  if (host === undefined) throw badArgument('the header host is missing')
  return `${isEncrypted ? 'https' : 'http'}://${host}`
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) && /^https?:$/.test(new URL(origin).protocol) ? new URL(origin).host : undefined
}
