import { z } from 'zod'
import type { TokenIssue } from '../../domain/token-issue.ts'
import type { Tokens } from '../../domain/tokens.ts'
import { adminOnly } from '../access.ts'
import { id, int, requiredText } from '../fields.ts'
import { openRoute, route, type Route } from '../route.ts'

const maxSecretLength = 1024
const maxTokenLength = 4096
const platformID = int(1, 11)

/** Tokens: getting, reading and withdrawing them. */
export function authRoutes({
  tokenIssue,
  tokens,
}: {
  readonly tokenIssue: TokenIssue
  readonly tokens: Tokens
}): readonly Route[] {
  return [
    openRoute('/auth/get_admin_token', z.object({ secret: requiredText(0, maxSecretLength), userID: id }), {
      async handle({ remoteAddress }, { secret, userID }) {
        const { token, expireTimeSeconds } = await tokenIssue.forAdmin(userID, secret, remoteAddress)
        return { token, expireTimeSeconds }
      },
    }),
    route('/auth/get_user_token', z.object({ userID: id, platformID }), {
      access: adminOnly,
      async handle(_caller, body) {
        const { token, expireTimeSeconds } = await tokenIssue.forUser(body.userID, body.platformID)
        return { token, expireTimeSeconds }
      },
    }),
    openRoute('/auth/parse_token', z.object({ token: requiredText(1, maxTokenLength) }), {
      async handle(_visitor, { token }) {
        const { userID, platformID, expiresAtSeconds } = await tokens.verify(token)
        return { userID, platformID, expireTimeSeconds: expiresAtSeconds }
      },
    }),
    route('/auth/force_logout', z.object({ userID: id, platformID }), {
      access: adminOnly,
      async handle(_caller, body) {
        await tokens.forceLogout(body.userID, body.platformID)
        return undefined
      },
    }),
  ]
}
