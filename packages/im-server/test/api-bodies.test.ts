import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { z } from 'zod'
import { populate, samples } from './support/api-samples.ts'
import { adminUserID, type ImWorld, imWorld } from './support/im-world.ts'

type Path = readonly (string | number)[]

let world: ImWorld
let token: string
beforeAll(async () => {
  world = await imWorld()
  await populate(world)
  token = await world.token(adminUserID)
})
afterAll(() => world.close())

const ask = async (path: string, body: unknown) =>
  (await world.api.call(path, { headers: { operationID: 'op', token }, body })).json

/** Every place of a sample: objects, lists, and what is in them; not what is in free content. */
function places(value: unknown, at: Path = []): Path[] {
  if (at.at(-1) === 'content' && typeof value === 'object') return [at]
  if (Array.isArray(value)) return [at, ...value.flatMap((item, index) => places(item, [...at, index]))]
  if (typeof value === 'object' && value !== null)
    return [at, ...Object.entries(value).flatMap(([key, item]) => places(item, [...at, key]))]
  return [at]
}

const valueAt = (value: unknown, at: Path): unknown =>
  at.reduce<unknown>((inner, key) => (inner as Record<string, unknown>)[key], value)

/** A copy of the sample with another value at a place; undefined leaves the field out. */
function replaced(sample: object, at: Path, value: unknown): unknown {
  if (at.length === 0) return value
  const copy = structuredClone(sample)
  const holder = valueAt(copy, at.slice(0, -1)) as Record<string, unknown>
  if (value === undefined) delete holder[at.at(-1)!]
  else holder[at.at(-1)!] = value
  return copy
}

const kindOf = (value: unknown): string => (Array.isArray(value) ? 'list' : typeof value)
const wrongKinds: Readonly<Record<string, unknown>> = {
  string: 'x',
  number: 1,
  boolean: true,
  list: ['x'],
  object: { x: 1 },
}

/** The schema of one place of a body. */
function schemaAt(schema: z.ZodType, at: Path): z.ZodType {
  return at.reduce<z.ZodType>((inner, key) => {
    const holder = unwrapped(inner)
    const { shape, element } = holder as unknown as { shape?: Record<string, z.ZodType>; element?: z.ZodType }
    return typeof key === 'number' ? element! : shape![key]!
  }, schema)
}

function unwrapped(schema: z.ZodType): z.ZodType {
  const { def } = schema as unknown as { def: { type: string; in?: z.ZodType; innerType?: z.ZodType } }
  if (def.type === 'pipe') return unwrapped(def.in!)
  return def.innerType === undefined ? schema : unwrapped(def.innerType)
}

const hostile: readonly unknown[] = [
  '',
  ' ',
  '\u0000',
  'a\nb',
  '\ud800',
  '💣'.repeat(64),
  'x'.repeat(100_000),
  '__proto__',
  'constructor',
  '../../etc',
  "'; DROP TABLE user; --",
  0,
  -1,
  1.5,
  1e308,
  -1e308,
  2 ** 31,
  2 ** 53,
  2 ** 63,
  [],
  [[]],
  [null],
  Array.from({ length: 20_000 }, (_, at) => `u${at}`),
  {},
  { toString: 1 },
  JSON.parse('{"__proto__":{"isAdmin":true}}'),
  null,
]

describe('the samples', () => {
  it.each(Object.keys(samples))('%s has every field the route knows', async (path) => {
    const sample = await samples[path]!(world)
    const { body } = world.routes.find((route) => route.path === path)!
    for (const at of places(sample)) {
      const schema = unwrapped(schemaAt(body, at)) as unknown as { shape?: object }
      if (schema.shape !== undefined)
        expect(Object.keys(valueAt(sample, at) as object).toSorted()).toEqual(Object.keys(schema.shape).toSorted())
    }
    expect(await ask(path, sample)).toMatchObject({ errCode: 0 })
  })
})

describe('every field of every route', () => {
  it.each(Object.keys(samples))('%s refuses another kind of value with 1001, naming the field', async (path) => {
    const sample = await samples[path]!(world)
    for (const at of places(sample)) {
      const kind = kindOf(valueAt(sample, at))
      for (const [wrong, value] of Object.entries(wrongKinds)) {
        if (wrong === kind) continue
        const answer = await ask(path, replaced(sample, at, value))
        const where = `${at.join('.')} as ${wrong}`
        expect(answer, where).toMatchObject({ errCode: 1001 })
        if (at.length > 0) expect(answer.errDlt, where).toMatch(new RegExp(`^${at.join('\\.')}\\b`))
      }
    }
  })

  it.each(Object.keys(samples))('%s refuses a missing or null field with 1001, or does without it', async (path) => {
    const sample = await samples[path]!(world)
    const { body } = world.routes.find((route) => route.path === path)!
    for (const at of places(sample).filter((place) => typeof place.at(-1) === 'string')) {
      const isOptional = schemaAt(body, at).safeParse(undefined).success
      for (const value of [undefined, null]) {
        const answer = await ask(path, replaced(await samples[path]!(world), at, value))
        if (!isOptional)
          expect(answer, at.join('.')).toMatchObject({
            errCode: 1001,
            errDlt: expect.stringMatching(new RegExp(`^${at.join('\\.')}: `)),
          })
        else expect([0, 1001], `${at.join('.')}: ${answer.errDlt}`).toContain(answer.errCode)
      }
    }
  })

  it.each(Object.keys(samples))('%s survives whatever stands in a field', async (path) => {
    for (const at of places(await samples[path]!(world))) {
      for (const value of hostile) {
        const answer = await ask(path, replaced(await samples[path]!(world), at, value))
        if (![500, 1000, 1801].includes(answer.errCode)) continue
        expect.fail(`${at.join('.')}: ${JSON.stringify(value)?.slice(0, 50)} ${JSON.stringify(answer)}`)
      }
    }
    expect(({} as { isAdmin?: unknown }).isAdmin).toBeUndefined()
  })
})

describe('conversations named in one body', () => {
  const ids = (count: number): string[] => Array.from({ length: count }, (_, at) => `si_alice_peer${at}`)
  const naming: Readonly<Record<string, (count: number) => object>> = {
    '/conversation/get_conversations': (count) => ({ conversationIDs: ids(count) }),
    '/jssdk/get_conversations': (count) => ({ conversationIDs: ids(count) }),
    '/msg/get_conversations_has_read_and_max_seq': (count) => ({ conversationIDs: ids(count) }),
    '/msg/pull_msg_by_seq': (count) => ({
      seqRanges: ids(count).map((conversationID) => ({ conversationID, begin: 1, end: 9, num: 0 })),
    }),
  }

  it.each(Object.keys(naming))('%s takes as many as it says it does, and no more', async (path) => {
    const send = async (count: number) => ask(path, { ...(await samples[path]!(world)), ...naming[path]!(count) })
    expect(await send(3_000)).toMatchObject({ errCode: 0 })
    expect(await send(3_001)).toMatchObject({ errCode: 1001, errDlt: expect.stringContaining('at most 3000') })
  })
})

describe('an administrator’s message', () => {
  it.each([
    ['recvID', { recvID: 'b\nb' }],
    ['groupID', { sessionType: 3, groupID: 'g\u0007' }],
  ])('takes no control characters in %s', async (field, change) => {
    const answer = await ask('/msg/send_msg', { ...(await samples['/msg/send_msg']!(world)), ...change })
    expect(answer).toMatchObject({ errCode: 1001, errDlt: expect.stringContaining(`${field}: `) })
  })
})
