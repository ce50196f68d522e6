import { describe, expect, it } from 'vitest'
import {
  AbortedError,
  ClosedError,
  InvalidArgumentError,
  OverloadedError,
  ParlanceError,
  TimeoutError,
} from '@parlance/core'

class SourceDownError extends ParlanceError {
  static override readonly code = 'TEST_SOURCE_DOWN'
  static override readonly retryable = true
}

describe('ParlanceError', () => {
  it('carries the code, the name and whether to try again of its class', () => {
    const cause = new Error('socket closed')
    const error = new SourceDownError('the source is down', { cause, details: { host: 'a', tries: 3 } })
    expect(error).toMatchObject({ name: 'SourceDownError', code: 'TEST_SOURCE_DOWN', retryable: true })
    expect(error.details).toEqual({ host: 'a', tries: 3 })
    expect(error.cause).toBe(cause)
    expect(error).toBeInstanceOf(Error)
    expect(error.stack).toContain('errors.test')
  })

  it('has no cause and empty details when none are given', () => {
    const error = new ClosedError('closed')
    expect('cause' in error).toBe(false)
    expect(error.details).toEqual({})
  })

  it('is known across copies of the package by its brand, which does not show', () => {
    const foreign = Object.defineProperty(new Error('from another copy'), Symbol.for('@parlance/error'), {
      value: true,
    })
    expect(foreign).not.toBeInstanceOf(ParlanceError)
    expect(ParlanceError.is(foreign)).toBe(true)
    expect(ParlanceError.is(new SourceDownError('x'))).toBe(true)
    expect(Object.getOwnPropertySymbols(Object.assign({}, new SourceDownError('x')))).toEqual([])
  })

  it('is not anything else', () => {
    for (const value of [new Error('plain'), { code: 'CORE_CLOSED' }, undefined, null, 'text'])
      expect(ParlanceError.is(value)).toBe(false)
  })

  it('has the codes of the core', () => {
    const kinds = [InvalidArgumentError, ClosedError, AbortedError, TimeoutError, OverloadedError]
    const told = kinds.map((Kind) => new Kind('x')).map(({ code, retryable }) => [code, retryable])
    expect(told).toEqual([
      ['CORE_INVALID_ARGUMENT', false],
      ['CORE_CLOSED', false],
      ['CORE_ABORTED', false],
      ['CORE_TIMEOUT', true],
      ['CORE_OVERLOADED', true],
    ])
  })
})
