import { randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigError } from './config-error.ts'

/** The two keys of a server. They are never logged; only where they lie is. */
export interface Secrets {
  /** Whoever shows it gets an administrator's token. */
  readonly adminSecret: string
  /** Where the admin secret lies, when it was made by the server itself. */
  readonly adminSecretPath: string | undefined
  /** Signs tokens. */
  readonly tokenKey: string
}

/** Reads the keys from the data folder; makes those that are missing, readable by the folder's owner only. */
export function loadSecrets(dataDir: string, given: string | undefined): Secrets {
  const path = join(dataDir, 'admin.secret')
  return {
    adminSecret: given ?? readOrMake(dataDir, path),
    adminSecretPath: given === undefined ? path : undefined,
    tokenKey: readOrMake(dataDir, join(dataDir, 'token.key')),
  }
}

function readOrMake(dataDir: string, path: string): string {
  try {
    mkdirSync(dataDir, { recursive: true })
    try {
      const file = openSync(path, 'wx', 0o600)
      try {
        writeSync(file, randomBytes(32).toString('base64url'))
        fsyncSync(file)
      } finally {
        closeSync(file)
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    const secret = readFileSync(path, 'utf8').trim()
    if (secret.length < 16)
      throw new ConfigError(`${path} is empty or damaged: remove it, and a new one is made at the next start`)
    return secret
  } catch (error) {
    if (error instanceof ConfigError) throw error
    throw new ConfigError(
      `${path} cannot be read or written: ${(error as Error).message}; check the data folder's owner and permissions, or choose another (PARLANCE_DATA_DIR)`,
      { cause: error },
    )
  }
}
