import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { OverloadedError } from '@parlance/core'
import { watchdog } from './watchdog.ts'

/**
 * Below the ports that operating systems lend to outgoing connections: a server that is down for a while must find its
 * port free, and a client that keeps trying to reach it must not end up connected to itself.
 */
const lowestPort = 11_000
const portCount = 10_000

/** A Redis Cluster node talks to the others on a second port, this far above its own. */
export const busPortOffset = 10_000

const reservations = join(tmpdir(), `parlance-ports-${process.getuid?.() ?? 0}`)
const fileOf = (port: number): string => join(reservations, String(port))

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ port, host: '127.0.0.1', exclusive: true }, resolve)
    })
    return true
  } catch {
    // Taken by somebody: that is the answer.
    return false
  } finally {
    server.close()
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

// One file per port, made by whoever comes first: the server behind it may be down, the port is its own all the same.
function reserve(port: number): boolean {
  mkdirSync(reservations, { recursive: true })
  const file = fileOf(port)
  for (const _attempt of [1, 2]) {
    try {
      writeFileSync(file, String(process.pid), { flag: 'wx' })
      return true
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      if (isAlive(Number(readFileSync(file, 'utf8')))) return false
      rmSync(file, { force: true })
    }
  }
  return false
}

/**
 * Reserves a free loopback port until {@link releasePort}: no other process that asks here is given it meanwhile.
 *
 * @param withBus - also finds the port {@link busPortOffset} above it free.
 * @throws OverloadedError when 1000 ports in a row were taken.
 */
export async function reservePort(withBus = false): Promise<number> {
  for (let attempt = 0; attempt < 1_000; attempt++) {
    const port = lowestPort + Math.floor(Math.random() * portCount)
    if (!reserve(port)) continue
    watchdog.keep({ path: fileOf(port) })
    if ((await isFree(port)) && (!withBus || (await isFree(port + busPortOffset)))) return port
    releasePort(port)
  }
  throw new OverloadedError(
    `no port between ${lowestPort} and ${lowestPort + portCount} is free: stop some of the servers on this machine`,
  )
}

/** Gives a reserved port back. */
export function releasePort(port: number): void {
  rmSync(fileOf(port), { force: true })
  watchdog.release({ path: fileOf(port) })
}
