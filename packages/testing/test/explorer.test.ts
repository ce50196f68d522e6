import { describe, expect, it } from 'vitest'
import { explore, type Run, type Scenario } from '@parlance/testing'

class Register {
  value = 0
  async read(): Promise<number> {
    return this.value
  }
  async write(value: number): Promise<void> {
    this.value = value
  }
  async increment(): Promise<number> {
    return ++this.value
  }
}

function counters(
  run: Run,
  register: Register,
  names: readonly string[],
  count: (own: Register) => Promise<void>,
): void {
  for (const name of names) {
    const own = run.intercept(name, register, { name: 'register' })
    run.program(name, name, () => count(own))
  }
}

const expectTotal = (register: Register, total: number) => () => {
  if (register.value !== total) throw new Error(`counted ${register.value} of ${total}`)
}

const readThenWrite = async (own: Register): Promise<void> => own.write((await own.read()) + 1)

describe('explore', () => {
  it('finds a lost update and names the steps that lead to it', async () => {
    const found = await explore((run) => {
      const register = new Register()
      counters(run, register, ['a', 'b'], readThenWrite)
      return expectTotal(register, 2)
    })
    expect(found.violation?.message).toBe('counted 1 of 2')
    const calls = found.violation?.schedule.filter((step) => step.includes('register')) ?? []
    expect(calls.slice(0, 2).toSorted()).toEqual(['a: register.read', 'b: register.read'])
    expect(found.isComplete).toBe(false)
  })

  it('finds nothing where every step is right, and says that it saw all', async () => {
    const found = await explore((run) => {
      const register = new Register()
      counters(run, register, ['a', 'b', 'c'], async (own) => void (await own.increment()))
      return expectTotal(register, 3)
    })
    expect(found).toMatchObject({ runs: 6, isComplete: true })
    expect(found.violation).toBeUndefined()
  })

  it('runs orders once that differ only in steps with nothing in common', async () => {
    const found = await explore((run) => {
      for (const name of ['a', 'b', 'c']) {
        const own = run.intercept(name, new Register(), { name })
        run.program(name, name, () => readThenWrite(own))
      }
      return () => undefined
    })
    expect(found).toMatchObject({ runs: 1, isComplete: true })
  })

  it('reaches the same outcomes with and without leaving orders out', async () => {
    const outcomes = async (nameOf: (register: string) => string): Promise<{ seen: Set<string>; runs: number }> => {
      const seen = new Set<string>()
      const { runs, isComplete } = await explore((run) => {
        const [x, y] = [new Register(), new Register()]
        const notes: number[] = []
        const port = (process: string, register: Register, name: string) =>
          run.intercept(process, register, { name: nameOf(name), answersApart: true })
        const [ax, ay, bx, by] = [port('a', x, 'x'), port('a', y, 'y'), port('b', x, 'x'), port('b', y, 'y')]
        run.program('a', 'a', async () => {
          await ax.write(1)
          notes[0] = await ay.read()
        })
        run.program('b', 'b', async () => {
          await by.write(1)
          notes[1] = await bx.read()
        })
        return () => void seen.add(notes.join())
      })
      expect(isComplete).toBe(true)
      return { seen, runs }
    }
    const reduced = await outcomes((name) => name)
    const full = await outcomes(() => 'memory')
    expect(reduced.seen).toEqual(new Set(['0,1', '1,0', '1,1']))
    expect(reduced.seen).toEqual(full.seen)
    expect(reduced.runs).toBeLessThan(full.runs)
  })

  it('tells what was over before what began', async () => {
    const orders = new Set<boolean>()
    await explore((run) => {
      const register = new Register()
      let [written, asked] = [0, 0]
      const own = run.intercept('a', register, { name: 'register', answersApart: true })
      run.program('a', 'a', async () => {
        await own.write(1)
        written = run.moment()
      })
      run.program('b', 'b', async () => {
        asked = run.moment()
      })
      return () => void orders.add(written < asked)
    })
    expect(orders).toEqual(new Set([true, false]))
  })

  it('finds programs that wait for ever', async () => {
    const found = await explore((run) => {
      run.program('a', 'the waiting one', () => new Promise(() => undefined))
      return () => undefined
    })
    expect(found.violation?.message).toBe('the waiting one wait for ever')
  })

  it('lets time pass only when every program waits for it', async () => {
    const times = new Set<number>()
    const found = await explore((run) => {
      const register = new Register()
      counters(run, register, ['a'], async (own) => {
        await own.increment()
        times.add(run.clock.elapsed())
      })
      run.program('b', 'b', () => new Promise((resolve) => void run.clock.after(50, resolve)))
      return () => void times.add(run.clock.elapsed())
    })
    expect(found.isComplete).toBe(true)
    expect(times).toEqual(new Set([0, 50]))
  })

  it('lets an event happen at any moment or never', async () => {
    const seen = new Set<string>()
    await explore((run) => {
      const register = new Register()
      const reads: number[] = []
      counters(run, register, ['a'], async (own) => void reads.push(await own.read(), await own.read()))
      run.maybe('reset', () => {
        register.value = 9
      })
      return () => void seen.add(`${reads.join()} ${register.value}`)
    })
    expect(seen).toEqual(new Set(['0,0 0', '0,9 9', '9,9 9']))
  })

  it('lets a process die between any two steps, its last message arriving or not', async () => {
    const seen = new Set<number>()
    await explore((run) => {
      const register = new Register()
      counters(run, register, ['a'], async (own) => {
        await own.increment()
        await own.increment()
      })
      counters(run, register, ['b'], async (own) => void (await own.read()))
      run.maybeCrash('a')
      return () => void seen.add(register.value)
    })
    expect(seen).toEqual(new Set([0, 1, 2]))
  })

  it('refuses runs without end and scenarios that do not repeat themselves', async () => {
    const endless: Scenario = (run) => {
      counters(run, new Register(), ['a'], async (own) => {
        for (;;) await own.increment()
      })
      return () => undefined
    }
    const found = await explore(endless, { maxSteps: 20 })
    expect(found.violation?.message).toBe('the run did not end within 20 steps')
    let runs = 0
    const moody: Scenario = (run) => {
      runs++
      counters(run, new Register(), runs === 1 ? ['a', 'b'] : ['c', 'd'], readThenWrite)
      return () => undefined
    }
    await expect(explore(moody)).rejects.toThrow(/did not repeat itself/)
  })

  it('stops at the number of runs it was given', async () => {
    const scenario: Scenario = (run) => {
      counters(run, new Register(), ['a', 'b', 'c'], readThenWrite)
      return () => undefined
    }
    const { runs: ended, cutRuns, isComplete } = await explore(scenario, { maxRuns: 5 })
    expect([ended + cutRuns, isComplete]).toEqual([5, false])
  })
})
