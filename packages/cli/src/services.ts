import { connect } from 'node:net'
import type { Milliseconds } from '@parlance/core'

/** A service that the settings name, and where it is; never with its password. */
export interface ServiceAddress {
  readonly service: string
  readonly setting: string
  readonly host: string
  readonly port: number
}

const services = [
  { service: 'MongoDB', key: 'mongoURL', setting: 'PARLANCE_MONGO_URL', port: 27_017 },
  { service: 'Redis', key: 'redisURL', setting: 'PARLANCE_REDIS_URL', port: 6379 },
  { service: 'Kafka', key: 'kafkaBrokers', setting: 'PARLANCE_KAFKA_BROKERS', port: 9092 },
] as const

const maxPort = 65_535

/** The settings that name services. */
export type ServiceSettings = { readonly [K in (typeof services)[number]['key']]?: string | undefined }

/** Takes the addresses out of the settings; of a `mongodb+srv` URL nothing, because DNS says where it is. */
export const serviceAddresses = (settings: ServiceSettings): ServiceAddress[] =>
  services.flatMap(({ service, key, setting, port }) =>
    hostsOf(settings[key] ?? '').map((address) => ({
      service,
      setting,
      ...hostAndPort(address, /^rediss?[+-]sentinel:/.test(settings[key] ?? '') ? 26_379 : port),
    })),
  )

/** What is left when scheme, options, user, password and path are gone, in this order: a password may hold anything. */
function hostsOf(text: string): string[] {
  if (text.startsWith('mongodb+srv:')) return []
  const hosts = text
    .trim()
    .replace(/^[a-z+-]+:\/\//, '')
    .replace(/\/[^/?@]*\?\w+=.*$/s, '')
    .replace(/^.*@/s, '')
    .replace(/[/?].*$/s, '')
  return hosts.split(',').flatMap((host) => (host.trim() === '' ? [] : [host.trim()]))
}

function hostAndPort(address: string, usual: number): { host: string; port: number } {
  const [, host = address, port] = /^(.*?)(?::(\d+))?$/.exec(address) ?? []
  return { host: host.replaceAll(/[[\]]/g, ''), port: port === undefined ? usual : Number(port) }
}

/** Whether somebody accepts a connection there: nothing when so, else why not. */
export async function connectionProblem(
  host: string,
  port: number,
  withinMs: Milliseconds,
): Promise<string | undefined> {
  if (port > maxPort) return `there are no ports above ${maxPort}`
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    const end = (problem: string | undefined): void => {
      socket.destroy()
      resolve(problem)
    }
    socket.setTimeout(withinMs, () => end(`no answer within ${withinMs / 1000} s`))
    socket.once('connect', () => end(undefined))
    socket.once('error', ({ code, message }: NodeJS.ErrnoException) =>
      end(code === 'ECONNREFUSED' ? 'nobody listens there' : code === 'ENOTFOUND' ? 'no such host' : message),
    )
  })
}
