import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder, until } from '@parlance/testing'
import { ProcessEndedError, SupervisedProcess } from '@parlance/testing/services'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

/** Writes a line and lives; ends at once while the file that it is given is not there. */
const program = `
if (!require('node:fs').existsSync(process.argv[1])) process.exit(3)
process.on('SIGTERM', () => process.exit(0))
console.log('begun ' + process.pid)
setInterval(() => undefined, 1e9)
`

describe('SupervisedProcess', () => {
  let folder: ReturnType<typeof temporaryFolder>
  let needed: string
  let supervised: SupervisedProcess
  beforeEach(() => {
    folder = temporaryFolder()
    needed = join(folder.path, 'needed')
    supervised = new SupervisedProcess({
      name: 'the program',
      command: process.execPath,
      arguments: ['-e', program, needed],
      environment: {},
      isReady: async () => supervised.output.includes(`begun ${supervised.pid}`),
    })
  })
  afterEach(async () => {
    await supervised.kill()
    folder.remove()
  })

  it('is begun again as often as it ends before it is ready', async () => {
    const started = supervised.start()
    await until('it ended twice', () => supervised.output.split('(ended with 3)').length > 2)
    expect(existsSync(needed)).toBe(false)
    writeFileSync(needed, '')
    await started
    expect(supervised.pid).toBeDefined()
  })

  it('goes on in a new process after a kill, and ends when it is asked to', async () => {
    writeFileSync(needed, '')
    await supervised.start()
    const { pid } = supervised
    await supervised.kill()
    expect(supervised.pid).toBeUndefined()
    await supervised.start()
    expect(supervised.pid).not.toBe(pid)
    await supervised.stop()
    expect(supervised.output).toContain('(ended with 0)')
  })

  it('says so when it ended by itself', async () => {
    writeFileSync(needed, '')
    await supervised.start()
    process.kill(supervised.pid!, 'SIGKILL')
    await until('it is gone', () => supervised.pid === undefined)
    await expect(supervised.ready()).rejects.toThrow(ProcessEndedError)
  })
})
