import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { baseURL } from '../src/api/base-url.ts'

/** A request as the API sees it: `url` is what is left below the path that somebody else's server routed it by. */
function visitor(host: string, { originalUrl = '/object/x', encrypted = false } = {}) {
  const socket = Object.assign(new Socket(), { encrypted })
  const request = Object.assign(new IncomingMessage(socket), { url: '/object/x', originalUrl })
  return { operationID: 'op', remoteAddress: '', header: (name: string) => (name === 'host' ? host : ''), request }
}

describe('where URLs of files begin', () => {
  it.each([
    ['http://im.example:10002', visitor('im.example:10002')],
    ['https://im.example', visitor('im.example', { encrypted: true })],
    ['http://[::1]:8080', visitor('[::1]:8080')],
    ['http://127.0.0.1/chat', visitor('127.0.0.1', { originalUrl: '/chat/object/x' })],
  ])('%s', (base, from) => expect(baseURL(undefined, from)).toBe(base))

  it('is where the setting says, whatever the request says', () => {
    expect(baseURL('https://im.example/chat/', visitor('evil.example'))).toBe('https://im.example/chat')
  })

  it.each(['', 'a b', 'x/y', 'x@y', 'x"y', '<script>', 'x:99999999', 'a\nb'])(
    'is not taken from the host %j',
    (host) => {
      expect(() => baseURL(undefined, visitor(host))).toThrow(/the header host is missing or wrong/)
    },
  )
})
