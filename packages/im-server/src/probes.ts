import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Milliseconds } from '@parlance/core'
import type { Composition } from './composition/token.ts'
import { parts } from './composition/tokens.ts'
import { Recent } from './recent.ts'

/** Anybody may ask; the services are asked no more often than this. */
const healthForMs: Milliseconds = 1_000

const json = { 'content-type': 'application/json' }

/**
 * Answers what machines ask about a server: `/healthz` (alive), `/readyz` (each dependency, with what is wrong), `/metrics`.
 *
 * Returns false for every other request, which was not touched.
 */
export function createProbes(
  composition: Composition,
): (request: IncomingMessage, response: ServerResponse) => boolean {
  const health = new Recent(() => healthOf(composition), composition.get(parts.clock), healthForMs)
  const answers: Readonly<Record<string, (response: ServerResponse) => void>> = {
    '/healthz': (response) => void response.writeHead(200, json).end('{"status":"alive"}'),
    '/readyz': (response) => {
      health.get().then(
        (dependencies) => {
          const ready = Object.values(dependencies).every((state) => state === 'ok')
          response.writeHead(ready ? 200 : 503, json).end(JSON.stringify({ ready, dependencies }))
        },
        (error: unknown) => {
          composition.get(parts.logger).error('the dependencies could not be asked', { error })
          response.writeHead(500).end()
        },
      )
    },
    '/metrics': (response) => {
      const metrics = composition.get(parts.metrics)
      metrics.text().then(
        (text) => response.writeHead(200, { 'content-type': metrics.contentType }).end(text),
        (error: unknown) => {
          composition.get(parts.logger).error('metrics could not be written', { error })
          response.writeHead(500).end()
        },
      )
    },
  }
  return (request, response) => {
    const answer = request.method === 'GET' ? answers[request.url ?? ''] : undefined
    answer?.(response)
    return answer !== undefined
  }
}

async function healthOf(composition: Composition): Promise<Record<string, string>> {
  const health = await composition.get(parts.backing).health()
  return Object.fromEntries(Object.entries(health).map(([name, failure]) => [name, failure ?? 'ok']))
}
