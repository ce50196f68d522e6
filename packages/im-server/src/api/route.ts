import { errorCodes } from '@parlance/openim-protocol'
import type { z } from 'zod'
import type { Caller } from '../domain/caller.ts'
import { ImError } from '../domain/im-error.ts'
import type { Access, AccessRule } from './access.ts'

/** A request as far as it is known before anybody was authenticated. */
export interface Visitor {
  readonly operationID: string
  /** Address of the connection's other end; a proxy's, when there is one. */
  readonly remoteAddress: string
}

/** Fields of an answer; undefined where there is nothing to say but that it worked. */
export type Answer = object | undefined

/** How a route that takes JSON and `application/x-protobuf` reads a body and writes its answer. */
export interface TwoForms<Given> {
  decodeProtobuf(bytes: Uint8Array): unknown
  encodeProtobuf(given: Given): Uint8Array
  toJson(given: Given): object
}

interface RouteFacts {
  readonly path: string
  readonly rule: AccessRule
  readonly body: z.ZodType
  readonly forms?: TwoForms<Answer>
}

/** A route that anybody may call. */
export interface OpenRoute extends RouteFacts {
  readonly rule: 'open'
  handle(visitor: Visitor, body: unknown): Promise<Answer>
}

/** A route that needs a token. */
export interface CallerRoute extends RouteFacts {
  readonly rule: Exclude<AccessRule, 'open'>
  handle(caller: Caller, body: unknown): Promise<Answer>
}

/** One path of the HTTP API: what it takes, who may call it and what it does. */
export type Route = OpenRoute | CallerRoute

/**
 * A route that anybody may call: without a token there is no caller.
 *
 * @throws {@link ImError} 1001 from `handle`, naming the field, when the body does not fit the schema.
 */
export function openRoute<Body>(
  path: string,
  body: z.ZodType<Body>,
  definition: { handle(visitor: Visitor, body: Body): Promise<Answer> },
): OpenRoute {
  return { path, rule: 'open', body, handle: (visitor, raw) => definition.handle(visitor, checked(body, raw)) }
}

/**
 * A route for whom `access` lets in; the body is checked first, so that the rule can look at it.
 *
 * @throws {@link ImError} from `handle`: 1001, naming the field, when the body does not fit; 1002 when the caller may not.
 */
export function route<Body, Given extends Answer>(
  path: string,
  body: z.ZodType<Body>,
  definition: {
    readonly access: Access<NoInfer<Body>>
    readonly forms?: TwoForms<Given>
    handle(caller: Caller, body: Body): Promise<Given>
  },
): CallerRoute {
  const { access, forms } = definition
  const handle = async (caller: Caller, raw: unknown): Promise<Answer> => {
    const value = checked(body, raw)
    await access.check(caller, value)
    return definition.handle(caller, value)
  }
  const facts = { path, rule: access.rule, body, handle }
  return forms === undefined ? facts : { ...facts, forms: forms as TwoForms<Answer> }
}

function checked<Body>(schema: z.ZodType<Body>, raw: unknown): Body {
  const result = schema.safeParse(raw)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  const field = issue === undefined || issue.path.length === 0 ? 'the body' : issue.path.join('.')
  throw new ImError(errorCodes.ArgsError, `${field}: ${issue?.message ?? 'does not fit'}`)
}
