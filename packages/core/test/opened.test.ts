import { describe, expect, it } from 'vitest'
import { Opened } from '../src/index.ts'

describe('what was opened', () => {
  const closed: string[] = []
  const part = (name: string, failure?: Error) => ({
    name,
    async close() {
      closed.push(name)
      if (failure !== undefined) throw failure
    },
  })

  it('is closed in reverse, all of it, whatever fails; and once', async () => {
    closed.length = 0
    const opened = new Opened()
    opened.add(part('first'))
    expect(opened.add(part('second', new Error('stuck'))).name).toBe('second')
    opened.add('third', async (name) => void closed.push(name))
    await expect(opened.close()).rejects.toThrow('stuck')
    expect(closed).toEqual(['third', 'second', 'first'])
    await opened.close()
    expect(closed).toHaveLength(3)
  })

  it('is closed too when another one could not be opened at the same time', async () => {
    closed.length = 0
    const opened = new Opened()
    const all = opened.all(
      Promise.reject<ReturnType<typeof part>>(new Error('nobody there')),
      Promise.resolve(part('other')),
    )
    await expect(all).rejects.toThrow('nobody there')
    await opened.close()
    expect(closed).toEqual(['other'])
  })
})
