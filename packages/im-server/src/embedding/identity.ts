import type { IncomingMessage } from 'node:http'
import { z } from 'zod'
import { id, requiredText } from '../api/fields.ts'

/** A user as the program knows it that embeds the server; what is left out stays as it is. */
export interface Identity {
  readonly userID: string
  readonly nickname?: string | undefined
  readonly faceURL?: string | undefined
}

/**
 * Says who makes a request, by the login of the program that embeds the server, for example by a cookie of its own; null or undefined
 * for nobody. The request was not read by anybody else: no middleware ran, its body is not to be touched.
 */
export type Authenticate = (
  request: IncomingMessage,
) => Promise<string | Identity | null | undefined> | string | Identity | null | undefined

/** Checks an identity as strictly as a route's body. */
export const identitySchema: z.ZodType<Identity> = z.object(
  { userID: id, nickname: requiredText(0, 256).optional(), faceURL: requiredText(0, 1024).optional() },
  'must be a user id or an object',
)
