import { randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, linkSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
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
export function loadSecrets(dataDir: string, given: string | undefined, tokenKey?: string): Secrets {
  const path = join(dataDir, 'admin.secret')
  return {
    adminSecret: given ?? readOrMake(dataDir, path),
    adminSecretPath: given === undefined ? path : undefined,
    tokenKey: tokenKey ?? readOrMake(dataDir, join(dataDir, 'token.key')),
  }
}

function readOrMake(dataDir: string, path: string): string {
  try {
    mkdirSync(dataDir, { recursive: true })
    const secret = (read(path) ?? make(dataDir, path)).trim()
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

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Makes a secret that is there whole or not at all, whenever the process or the machine ends, and never replaces another. */
function make(dataDir: string, path: string): string {
  const draft = `${path}.${randomBytes(6).toString('hex')}.new`
  try {
    writeFileSync(draft, randomBytes(32).toString('base64url'), { flag: 'wx', mode: 0o600 })
    flush(draft, 'r+')
    linkUnlessThere(draft, path)
  } finally {
    rmSync(draft, { force: true })
  }
  flush(dataDir, 'r')
  return readFileSync(path, 'utf8')
}

function linkUnlessThere(draft: string, path: string): void {
  try {
    linkSync(draft, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

function flush(path: string, flags: string): void {
  const file = openSync(path, flags)
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}
