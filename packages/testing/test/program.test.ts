import { describe, expect, it } from 'vitest'
import { startProgram, until } from '../src/index.ts'

describe('a program in a process of its own', () => {
  it('is heard line by line until it is killed, and runs no longer then', async () => {
    const endless = `console.log(process.pid); setInterval(() => console.log('on'), 1)`
    const program = startProgram('--eval', endless)
    await until('it has written', () => program.lines.length > 2)
    const [pid, ...others] = program.lines
    expect(new Set(others)).toEqual(new Set(['on']))
    await program.kill()
    expect(() => process.kill(Number(pid), 0)).toThrow('ESRCH')
  })
})
