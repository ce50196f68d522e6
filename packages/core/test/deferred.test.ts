import { describe, expect, it } from 'vitest'
import { deferred, heardLater } from '@parlance/core'

describe('deferred', () => {
  it('settles once, as it is told to first', async () => {
    const answer = deferred<number>()
    answer.resolve(1)
    answer.resolve(2)
    answer.reject(new Error('too late'))
    await expect(answer.promise).resolves.toBe(1)
  })

  it('may fail while nobody waits, and still tells whoever asks', async () => {
    const opening = deferred()
    opening.reject(new Error('never opened'))
    // A turn of the event loop, in which Node would report a rejection that nobody hears; vitest fails on one.
    await new Promise((resolve) => void setImmediate(resolve))
    await expect(opening.promise).rejects.toThrow('never opened')
  })
})

describe('heardLater', () => {
  it('gives back the promise itself', () => {
    const promise = Promise.resolve()
    expect(heardLater(promise)).toBe(promise)
  })
})
