import { randomBytes } from 'node:crypto'
import type { ReadOptions } from '@parlance/cached-repository'
import { type Clock, type Count, InvalidArgumentError, type Milliseconds, systemClock } from '@parlance/core'
import { errorCodes, platformIDs } from '@parlance/openim-protocol'
import { createSigner, createVerifier, TokenError } from 'fast-jwt'
import type { Credential } from '../entities/credential.ts'
import { ImError } from './im-error.ts'
import type { ImRepositories } from './repositories.ts'

/** Whose token it is. */
export interface TokenClaims {
  readonly userID: string
  readonly platformID: number
  readonly tokenID: string
  /** Seconds since 1970. */
  readonly expiresAtSeconds: number
}

/** A token that was just issued. */
export interface IssuedToken {
  readonly token: string
  readonly tokenID: string
  /** How long it is valid from now on. */
  readonly expireTimeSeconds: number
}

/** Hears of tokens that are no longer valid; their sessions have to end. */
export type KickedListener = (userID: string, platformID: number, tokenIDs: readonly string[]) => void

/** What {@link Tokens} needs. */
export interface TokensOptions {
  readonly repositories: Pick<ImRepositories, 'credentials'>
  /** Signs the tokens; at least 32 bytes, the same on every node. Another key makes every token invalid. */
  readonly key: Uint8Array
  /** How long a token is valid. @defaultValue 90 days */
  readonly validMs?: Milliseconds
  readonly clock?: Clock
}

const dayMs: Milliseconds = 86_400_000
const minKeyBytes = 32
const tokenIDBytes = 16
const verifiedCacheCount: Count = 10_000
/** Rows kept per user; beyond it the oldest ones go, kicked ones first. */
const maxCredentialsPerUser: Count = 64

/**
 * Issues, verifies and withdraws tokens: HS256 JWTs whose state is a durable row each, so that a restart kicks nobody.
 *
 * One device per platform: a token issued for a user and platform kicks the platform's other tokens. Administrators are
 * exempt on the admin platform, since several back ends share that account.
 */
export class Tokens {
  readonly #credentials: ImRepositories['credentials']
  readonly #validMs: Milliseconds
  readonly #clock: Clock
  readonly #sign: (payload: Record<string, unknown>) => string
  readonly #read: (token: string) => unknown
  readonly #listeners = new Set<KickedListener>()

  constructor({ repositories, key, validMs = 90 * dayMs, clock = systemClock }: TokensOptions) {
    if (key.byteLength < minKeyBytes)
      throw new InvalidArgumentError(`the key that signs tokens must have at least ${minKeyBytes} bytes`)
    const secret = Buffer.from(key)
    this.#credentials = repositories.credentials
    this.#validMs = validMs
    this.#clock = clock
    this.#sign = createSigner<Record<string, unknown>>({ key: secret, algorithm: 'HS256' })
    this.#read = createVerifier<string>({
      key: secret,
      algorithms: ['HS256'],
      cache: verifiedCacheCount,
      // The clock is asked below, and what the database says counts more.
      ignoreExpiration: true,
    })
  }

  /** Calls `listener` for every kick made here; returns what ends it. */
  onKicked(listener: KickedListener): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Issues a token, durably, and kicks the older ones of the same user and platform. */
  async issue(userID: string, platformID: number): Promise<IssuedToken> {
    const before = await this.#credentials.ofUser({ userID })
    const newest = before.reduce((latest, { issuedAt }) => Math.max(latest, issuedAt.getTime()), 0)
    // Later than every other token, also when a node with another clock issued the last one.
    const issuedAt = new Date(Math.max(this.#clock.now(), newest + 1))
    const expiresAt = new Date(this.#clock.now() + this.#validMs)
    const tokenID = randomBytes(tokenIDBytes).toString('base64url')
    await this.#credentials.insert({ userID, platformID, tokenID, isKicked: false, issuedAt, expiresAt })
    await this.#keepNewest(userID, platformID)
    await this.#prune(userID, tokenID)
    const token = this.#sign({
      UserID: userID,
      PlatformID: platformID,
      jti: tokenID,
      iat: Math.floor(this.#clock.now() / 1000),
      exp: Math.floor(expiresAt.getTime() / 1000),
    })
    return { token, tokenID, expireTimeSeconds: Math.floor(this.#validMs / 1000) }
  }

  /**
   * Tells whose token it is. One signature (remembered) and one cached row; with `shared`, what another process withdrew before
   * the call is known as withdrawn.
   *
   * @throws {@link ImError} 1503 malformed, 1504 not valid yet, 1505 signed by somebody else, 1501 expired, 1507 never issued, 1506 kicked.
   */
  async verify(token: string, options: ReadOptions = {}): Promise<TokenClaims> {
    const claims = this.#claims(token)
    if (claims.expiresAtSeconds * 1000 <= this.#clock.now())
      throw new ImError(errorCodes.TokenExpiredError, 'the token has expired; get a new one')
    const row = await this.#credentials.get({ userID: claims.userID, tokenID: claims.tokenID }, options)
    if (row === undefined || row.platformID !== claims.platformID)
      throw new ImError(errorCodes.TokenNotExistError, 'the token is not known; get a new one')
    if (row.isKicked) throw kickedToken()
    return claims
  }

  /**
   * Kicks the tokens that `tokenID` replaced; what a connecting device causes. Never a newer one: of a platform's tokens the
   * newest stays, whoever connects.
   *
   * @throws {@link ImError} 1506 when the token was itself replaced or withdrawn.
   */
  async keepOnly(userID: string, platformID: number, tokenID: string): Promise<void> {
    const kept = await this.#keepNewest(userID, platformID)
    if (!kept.some((row) => row.tokenID === tokenID)) throw kickedToken()
  }

  /** Kicks every token of the user and platform. */
  async forceLogout(userID: string, platformID: number): Promise<void> {
    await this.#kick(userID, platformID, await this.#live(userID, platformID))
  }

  /** Kicks all but the newest token of a platform and returns what is left: on the admin platform all of them. */
  async #keepNewest(userID: string, platformID: number): Promise<readonly Credential[]> {
    // Always read anew: of two tokens issued at once, at least one sees the other, and both agree on which is newer.
    const rows = await this.#live(userID, platformID)
    const [first, ...others] = rows
    if (platformID === platformIDs.admin || first === undefined) return rows
    const newest = others.reduce((latest, row) => (isOlder(latest, row) ? row : latest), first)
    await this.#kick(
      userID,
      platformID,
      rows.filter((row) => row !== newest),
    )
    return [newest]
  }

  async #live(userID: string, platformID: number): Promise<readonly Credential[]> {
    const rows = await this.#credentials.ofUser({ userID }, { read: 'shared' })
    return rows.filter((row) => row.platformID === platformID && !row.isKicked)
  }

  async #kick(userID: string, platformID: number, rows: readonly Credential[]): Promise<void> {
    if (rows.length === 0) return
    await Promise.all(rows.map(({ tokenID }) => this.#credentials.patch({ userID, tokenID }, { isKicked: true })))
    const tokenIDs = rows.map((row) => row.tokenID)
    for (const listener of this.#listeners) listener(userID, platformID, tokenIDs)
  }

  async #prune(userID: string, keptTokenID: string): Promise<void> {
    const rows = await this.#credentials.ofUser({ userID })
    const now = this.#clock.now()
    const expired = rows.filter((row) => row.expiresAt.getTime() <= now)
    const valid = rows.filter((row) => row.expiresAt.getTime() > now)
    const byWorth = [...valid.filter((row) => row.isKicked), ...valid.filter((row) => !row.isKicked)]
    const surplus = byWorth.slice(0, Math.max(0, byWorth.length - maxCredentialsPerUser))
    const gone = [...expired, ...surplus].filter((row) => row.tokenID !== keptTokenID)
    if (gone.length === 0) return
    await this.#credentials.deleteMany(gone.map(({ tokenID }) => ({ userID, tokenID })))
    const lost = surplus.filter((row) => !row.isKicked)
    for (const { platformID, tokenID } of lost)
      for (const listener of this.#listeners) listener(userID, platformID, [tokenID])
  }

  #claims(token: string): TokenClaims {
    let payload: Record<string, unknown>
    try {
      payload = this.#read(token) as Record<string, unknown>
    } catch (error) {
      throw tokenRefusal(error)
    }
    const { UserID: userID, PlatformID: platformID, jti: tokenID, exp: expiresAtSeconds } = payload
    if (
      typeof userID !== 'string' ||
      typeof platformID !== 'number' ||
      typeof tokenID !== 'string' ||
      typeof expiresAtSeconds !== 'number'
    )
      throw new ImError(errorCodes.TokenMalformedError, 'the token lacks a claim; get a new one')
    return { userID, platformID, tokenID, expiresAtSeconds }
  }
}

const isOlder = (one: Credential, other: Credential): boolean =>
  one.issuedAt < other.issuedAt || (one.issuedAt.getTime() === other.issuedAt.getTime() && one.tokenID < other.tokenID)

const kickedToken = (): ImError =>
  new ImError(errorCodes.TokenKickedError, 'the user signed in elsewhere or was signed out; get a new token')

const unreadable: ReadonlySet<string> = new Set([
  TokenError.codes.malformed,
  TokenError.codes.invalidType,
  TokenError.codes.invalidPayload,
])

function tokenRefusal(error: unknown): unknown {
  if (!(error instanceof TokenError)) return error
  if (error.code === TokenError.codes.inactive)
    return new ImError(errorCodes.TokenNotValidYetError, 'the token is not valid yet; check the clocks')
  return unreadable.has(error.code)
    ? new ImError(errorCodes.TokenMalformedError, 'this is not a token; get one from /auth/get_user_token')
    : new ImError(errorCodes.TokenUnknownError, 'the token was not signed by this server; get a new one')
}
