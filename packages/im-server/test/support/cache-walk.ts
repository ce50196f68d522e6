import type { EntitySchema } from '@parlance/cached-repository'
import { Redis } from 'ioredis'
import type { ImServer } from '../../src/index.ts'
import { type AnyRepository, declaredEntities, ViewAuditor } from './view-auditor.ts'

const keysAtOnce = 50
const entriesPerRead = 10_000

/** What a walk through a shared cache found. */
export interface WalkedCache {
  readonly keyCount: number
  readonly blockCount: number
  readonly differences: readonly string[]
}

/**
 * Compares everything that a server's shared cache holds with the store, key by key as Redis lists them: rows and views read
 * there and from the store; the blocks of messages read through the cache, and again by `anew` when it was emptied of them.
 */
export async function walkCache(
  im: ImServer,
  redisURL: string,
  namespace: string,
  anew: () => Promise<ImServer>,
): Promise<WalkedCache> {
  const redis = new Redis(redisURL)
  try {
    const prefix = `${namespace}:cache:`
    const names = new Set<string>()
    for await (const some of redis.scanStream({ match: `${prefix}*` }))
      for (const key of some as string[]) names.add(key.slice(prefix.length))
    const schemas = new Map(declaredEntities().map((schema) => [schema.name, schema]))
    const blocks = [...names].filter((name) => isBlock(name))
    const rows = [...names].filter((name) => !isBlock(name))
    const differences: string[] = []
    for (let start = 0; start < rows.length; start += keysAtOnce) {
      const some = rows.slice(start, start + keysAtOnce)
      differences.push(...(await Promise.all(some.map((name) => differencesAt(im, schemas, name)))).flat())
    }
    const streams = [...new Set(blocks.map((name) => name.slice(name.indexOf(':') + 1)))]
    const cached = await everythingIn(im, streams)
    if (blocks.length > 0) await redis.del(...blocks.map((name) => prefix + name))
    const other = await anew()
    const stored = await everythingIn(other, streams)
    for (const [at, stream] of streams.entries())
      if (cached[at] !== stored[at]) differences.push(`messages of ${stream}`)
    return { keyCount: names.size, blockCount: blocks.length, differences }
  } finally {
    redis.disconnect()
  }
}

/** For example `message/3:group/17`: the fourth block of a stream. */
const isBlock = (name: string): boolean => name.split(':', 1)[0]!.includes('/')

/** For example `friend:a:b`, `friend.ofOwner:a`, `friend.ofOwner.count:a`. */
function differencesAt(
  im: ImServer,
  schemas: ReadonlyMap<string, EntitySchema>,
  name: string,
): Promise<readonly string[]> {
  const [kept, ...parts] = name.split(':') as [string, ...string[]]
  const [entity, view] = kept.split('.') as [string, string?]
  const schema = schemas.get(entity)
  const spec = view === undefined ? undefined : schema?.views.get(view)
  if (schema === undefined || (view !== undefined && spec === undefined))
    return Promise.resolve([`nobody declared ${name}`])
  const fields = spec === undefined ? schema.key : spec.by.map((field) => schema.fields.get(field)!)
  const valueOf = (part: string, type: string): unknown =>
    type === 'number' ? Number(part) : part === '%' ? '' : part.replaceAll('%3A', ':').replaceAll('%25', '%')
  const place = Object.fromEntries(fields.map((field, at) => [field.name, valueOf(parts[at]!, field.type)]))
  const repositoryOf = (of: { readonly name: string }): AnyRepository =>
    Object.values(im.repositories).find((one) => (one as { entity?: string }).entity === of.name) as AnyRepository
  return new ViewAuditor(schema, () => [], repositoryOf, im.repositories.whenSpread).differencesAt(place, view)
}

function everythingIn(im: ImServer, streams: readonly string[]): Promise<string[]> {
  const { messages } = im.repositories
  return Promise.all(
    streams.map(async (stream) => {
      const head = (await messages.heads([stream]))[0]!.head
      const entries: unknown[] = []
      for (let first = 1; first <= head; first += entriesPerRead)
        entries.push(...(await messages.range(stream, first, first + entriesPerRead - 1)))
      return JSON.stringify(entries)
    }),
  )
}
