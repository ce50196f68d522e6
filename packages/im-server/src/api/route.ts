import type { IncomingMessage } from 'node:http'
import type { z } from 'zod'
import type { Caller } from '../domain/caller.ts'
import { badArgument, noPermission } from '../domain/refusals.ts'
import type { Access, AccessRule } from './access.ts'

/** A request as far as it is known before anybody was authenticated. */
export interface Visitor {
  readonly operationID: string
  /** Address of the connection's other end; a proxy's, when there is one. */
  readonly remoteAddress: string
  /** A header, by its name in lower case; empty when absent. */
  readonly header: (name: string) => string
  /** As it came in; its body has been read. */
  readonly request: IncomingMessage
}

/** Fields of an answer; undefined where there is nothing to say but that it worked. */
export type Answer = object | undefined

/** How a route that takes JSON and `application/x-protobuf` reads a body and writes its answer. */
export interface TwoForms<Given> {
  decodeProtobuf(bytes: Uint8Array): unknown
  encodeProtobuf(given: Given): Uint8Array
  toJson(given: Given): object
}

/** One path of the HTTP API: what it takes, who may call it and what it does. */
export interface Route {
  readonly path: string
  readonly rule: AccessRule
  readonly body: z.ZodType
  readonly forms?: TwoForms<Answer>
  /** `optional`: whoever sends none gets one. @defaultValue 'required' */
  readonly operationID?: 'required' | 'optional'
  /**
   * Checks the body, then the caller, then does the work.
   *
   * @param caller - undefined for whoever came without a token; only an open route takes that.
   * @throws {@link ImError} 1001 naming the field, 1002 for a caller who may not, and what the work refuses.
   */
  handle(visitor: Visitor, caller: Caller | undefined, body: unknown): Promise<Answer>
}

/** A route that anybody may call. */
export function openRoute<Body>(
  path: string,
  body: z.ZodType<Body>,
  definition: {
    readonly operationID?: 'required' | 'optional'
    handle(visitor: Visitor, body: Body): Promise<Answer>
  },
): Route {
  return {
    path,
    rule: 'open',
    body,
    operationID: definition.operationID ?? 'required',
    handle: async (visitor, _caller, raw) => definition.handle(visitor, checked(body, raw)),
  }
}

/** A route that needs a token, for whom `access` lets in. The body is checked first, so that the rule can look at it. */
export function route<Body, Given extends Answer>(
  path: string,
  body: z.ZodType<Body>,
  definition: {
    readonly access: Access<NoInfer<Body>>
    readonly forms?: TwoForms<Given>
    handle(caller: Caller, body: Body, visitor: Visitor): Promise<Given>
  },
): Route {
  const { access, forms } = definition
  const facts: Route = {
    path,
    rule: access.rule,
    body,
    async handle(visitor, caller, raw) {
      if (caller === undefined) throw noPermission(`${path} needs a token`)
      const value = checked(body, raw)
      await access.check(caller, value)
      return definition.handle(caller, value, visitor)
    },
  }
  return forms === undefined ? facts : { ...facts, forms: forms as TwoForms<Answer> }
}

/**
 * The value as its schema makes it.
 *
 * @throws {@link ImError} 1001 naming the field.
 */
export function checked<Body>(schema: z.ZodType<Body>, raw: unknown): Body {
  const result = schema.safeParse(raw)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  const field = issue === undefined || issue.path.length === 0 ? 'the body' : issue.path.join('.')
  throw badArgument(`${field}: ${issue?.message ?? 'does not fit'}`)
}
