import { closeCodes, shouldReconnect } from '@parlance/gateway'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { fitReason } from '../src/close-codes.ts'

it('the range of a code says whether to come back', () => {
  const { draining, slowConsumer, idle, internal, missed, ...terminal } = closeCodes
  for (const code of [draining, slowConsumer, idle, internal, missed, 3499, 4000, 4499, 1001, 1006, 1012])
    expect(shouldReconnect(code), `${code}`).toBe(true)
  for (const code of [...Object.values(terminal), 3999, 4500, 4999, 1000, 1002, 1007, 1008, 1009])
    expect(shouldReconnect(code), `${code}`).toBe(false)
})

it('no code has two meanings', () => {
  const codes = Object.values(closeCodes)
  expect(new Set(codes).size).toBe(codes.length)
  for (const code of codes) expect(code >= 3000 && code < 4000).toBe(true)
})

it('a reason fits into a close frame and is never cut within a character', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
      const reason = Buffer.from(text).toString()
      const fitted = fitReason(reason)
      expect(Buffer.byteLength(fitted)).toBeLessThanOrEqual(123)
      expect(reason.startsWith(fitted)).toBe(true)
      if (Buffer.byteLength(reason) <= 123) expect(fitted).toBe(reason)
      else expect(Buffer.byteLength(fitted)).toBeGreaterThan(119)
    }),
  )
})
