import type { z } from 'zod'
import type { Access } from '../api/access.ts'
import { type Answer, route, type Route } from '../api/route.ts'
import type { Caller } from '../domain/caller.ts'

/**
 * A route of an extension, `POST /ext/<extension>/<name>`, for who has a token and whom `access` lets in. It is one of the server's
 * routes: the body is bounded and checked first, errors are OpenIM's envelope.
 */
export const extensionRoute = <Body, Given extends Answer>(
  extension: string,
  name: string,
  body: z.ZodType<Body>,
  definition: {
    readonly access: Access<NoInfer<Body>>
    handle(caller: Caller, body: Body): Promise<Given>
  },
): Route => route(`/ext/${extension}/${name}`, body, definition)
