import { InvalidArgumentError } from '@parlance/core'
import { expect, it } from 'vitest'
import { createLogger } from '../src/logger.ts'

/** What one error line says. */
function logged(fields: Record<string, unknown>): Record<string, Record<string, unknown>> {
  const lines: string[] = []
  createLogger('info', { write: (line) => void lines.push(line) }).error('it failed', fields)
  expect(lines).toHaveLength(1)
  return JSON.parse(lines[0]!) as Record<string, Record<string, unknown>>
}

it('an error is written with its code, message, stack and causes, under any name', () => {
  const cause = Object.assign(new Error('no space left'), { code: 'ENOSPC' })
  const error = new InvalidArgumentError('give another', { cause })
  for (const name of ['error', 'err', 'failure']) {
    const line = logged({ [name]: error, userID: 'ada' })
    expect(line['msg']).toBe('it failed')
    expect(line['userID']).toBe('ada')
    expect(line[name]).toMatchObject({
      name: 'InvalidArgumentError',
      code: 'CORE_INVALID_ARGUMENT',
      message: 'give another',
      cause: { code: 'ENOSPC', message: 'no space left' },
    })
    expect(line[name]!['stack']).toContain('logger.test.ts')
  }
})

it('what a library hung on its error is not written: it may be a secret', () => {
  const error = Object.assign(new Error('refused'), { config: { password: 'hunter2' }, secret: 'hunter2', code: {} })
  const line = logged({ error })
  expect(JSON.stringify(line)).not.toContain('hunter2')
  expect(Object.keys(line['error']!)).toEqual(['name', 'message', 'stack'])
})

it('errors that cause each other end somewhere', () => {
  const error = new Error('a snake')
  error.cause = error
  expect(logged({ error })['error']).toMatchObject({ message: 'a snake', cause: { message: 'a snake' } })
})
