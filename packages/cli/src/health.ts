import type { Milliseconds } from '@parlance/core'
import { type Sample, parseMetrics } from './prometheus.ts'
import type { Addresses } from './run-folder.ts'

const answerMs: Milliseconds = 3_000

/** What a process says of itself. */
export interface Health {
  /** Undefined when it answered; else why nobody knows. */
  readonly silence: string | undefined
  readonly isReady: boolean
  /** What it depends on: `ok`, or what is wrong. */
  readonly dependencies: Readonly<Record<string, string>>
}

/** Where a process answers about itself: on a port for that, or on one of those for everything. */
export function probeBase(addresses: Addresses): string | undefined {
  const base = addresses['metrics'] ?? addresses['api'] ?? addresses['ws']
  // Whoever listens on every address is asked on this machine's own.
  return base
    ?.replace(/^ws/, 'http')
    .replace(/\/(?:metrics)?$/, '')
    .replace('//0.0.0.0', '//127.0.0.1')
    .replace('//[::]', '//[::1]')
}

/** Asks `/readyz`. Never fails: that nobody answers is an answer. */
export async function askHealth(addresses: Addresses): Promise<Health> {
  const base = probeBase(addresses)
  const nothing = { isReady: false, dependencies: {} }
  if (base === undefined) return { silence: 'it did not say where it listens', ...nothing }
  try {
    const response = await fetch(`${base}/readyz`, { signal: AbortSignal.timeout(answerMs) })
    const body = (await response.json()) as { readonly dependencies?: Record<string, unknown> }
    const dependencies = Object.fromEntries(
      Object.entries(body.dependencies ?? {}).map(([name, state]) => [
        name,
        typeof state === 'string' ? state : JSON.stringify(state),
      ]),
    )
    return { silence: undefined, isReady: response.ok, dependencies }
  } catch (error) {
    return { silence: reasonOf(error), ...nothing }
  }
}

/** Asks `/metrics`; nothing when it does not answer. */
export async function askMetrics(addresses: Addresses): Promise<Sample[]> {
  const base = probeBase(addresses)
  if (base === undefined) return []
  try {
    const response = await fetch(`${base}/metrics`, { signal: AbortSignal.timeout(answerMs) })
    return response.ok ? parseMetrics(await response.text()) : []
  } catch {
    // Whether it answers at all is told by its health.
    return []
  }
}

function reasonOf(error: unknown): string {
  const { name, message, cause } = error as Error
  if (name === 'TimeoutError') return `no answer within ${answerMs / 1000} s`
  const code = (cause as NodeJS.ErrnoException | undefined)?.code
  return code === 'ECONNREFUSED' ? 'nobody listens at its address' : (code ?? message)
}
