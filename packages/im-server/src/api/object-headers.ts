import contentDisposition from 'content-disposition'
import type { StoredObject } from '../entities/stored-object.ts'
import { crossOriginHeaders } from './answer.ts'

// What browsers show without running anything of it. SVG, HTML and PDF are not among them: they can hold scripts.
const shown = /^(image\/(png|jpeg|gif|webp|avif|bmp)|audio\/[\w.+-]+|video\/[\w.+-]+|text\/plain)$/

/**
 * Headers of a file that anybody may have uploaded, so that it can do nothing in the name of this server.
 *
 * What is not known to be harmless is sent as a download of unknown type: no browser runs it, nor loads it as a script or style.
 */
export function objectHeaders({ objectID, name, contentType }: StoredObject, freshMs: number): Record<string, string> {
  const type = contentType.split(';', 1)[0]!.trim().toLowerCase()
  const isShown = shown.test(type)
  return {
    ...crossOriginHeaders,
    'content-type': type === 'text/plain' ? 'text/plain; charset=utf-8' : isShown ? type : 'application/octet-stream',
    'content-disposition': contentDisposition(name.slice(name.lastIndexOf('/') + 1), {
      type: isShown ? 'inline' : 'attachment',
    }),
    'content-security-policy':
      "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; sandbox",
    'x-content-type-options': 'nosniff',
    'cross-origin-resource-policy': 'cross-origin',
    'referrer-policy': 'no-referrer',
    'accept-ranges': 'bytes',
    'cache-control': `private, max-age=${Math.max(0, Math.floor(freshMs / 1000))}, immutable`,
    etag: `"${objectID}"`,
  }
}
