import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { ConfigError } from './config-error.ts'
import { defaultObjectLimits } from './domain/objects/object-limits.ts'
import { maxPartNumber } from './domain/objects/object-storage.ts'
import { isLoopback } from './loopback.ts'

/** As many parts of the usual size as an upload may have. */
const maxFileBytes = maxPartNumber * defaultObjectLimits.partBytes

const port = z.coerce.number().int().min(0).max(65_535)

/** Every setting of the server, with its default. */
export const configSchema = z.object({
  /** Address to listen on. */
  host: z.string().min(1).default('127.0.0.1'),
  /** Port of the HTTP API; 0 takes any free one. */
  apiPort: port.default(10_002),
  /** Port of the WebSocket gateway; the API's own port makes one listener serve both. */
  wsPort: port.default(10_001),
  /** Folder of everything that is kept. */
  dataDir: z.string().min(1).default('./data'),
  /** Whoever knows it may act as administrator. Without one, one is made and kept in the data folder. */
  secret: z.string().min(16, 'the admin secret must have at least 16 characters').optional(),
  /** User id of the administrator. */
  adminID: z.string().min(1).max(64).default('imAdmin'),
  /** Folder of a built web page that is served at the API's `/`. */
  page: z.string().min(1).optional(),
  /** The page's sign-in without a password: `auto` has it when there is a page and only this machine can reach it. */
  demo: z.enum(['auto', 'on', 'off']).default('auto'),
  /** Only friends may write to a user. */
  friendVerify: z.union([z.boolean(), z.stringbool()]).default(false),
  /** Where clients reach the API, for URLs of files; without it, where each request came to. */
  publicURL: z.url({ protocol: /^https?$/, error: 'must be an http or https URL' }).optional(),
  /** Folder of the files that users upload; without one, `objects` in the data folder. */
  objectsDir: z.string().min(1).optional(),
  /** The largest file that users may upload, in bytes. */
  maxFileBytes: z.coerce
    .number()
    .int()
    .min(1)
    .max(maxFileBytes)
    .default(1024 ** 3),
  /** Bytes that all uploads together may announce until they are completed. */
  maxUploadBytes: z.coerce
    .number()
    .int()
    .min(1)
    .default(10 * 1024 ** 3),
  /** How much is logged. */
  logLevel: z.enum(['silent', 'error', 'warn', 'info', 'debug']).default('info'),
  /** How long stopping may take. */
  stopDeadlineMs: z.coerce.number().int().min(100).max(300_000).default(10_000),
})

/** The settings in force. */
export type Config = z.output<typeof configSchema>

/** Settings as they may be given; what is left out has its default. */
export type ConfigInput = { readonly [K in keyof Config]?: Config[K] | undefined }

/** Which environment variable gives which setting. */
export const environmentNames: Readonly<Record<keyof Config, string>> = {
  host: 'PARLANCE_HOST',
  apiPort: 'PARLANCE_API_PORT',
  wsPort: 'PARLANCE_WS_PORT',
  dataDir: 'PARLANCE_DATA_DIR',
  secret: 'PARLANCE_SECRET',
  adminID: 'PARLANCE_ADMIN_ID',
  page: 'PARLANCE_PAGE',
  demo: 'PARLANCE_DEMO',
  friendVerify: 'PARLANCE_FRIEND_VERIFY',
  publicURL: 'PARLANCE_PUBLIC_URL',
  objectsDir: 'PARLANCE_OBJECTS_DIR',
  maxFileBytes: 'PARLANCE_MAX_FILE_BYTES',
  maxUploadBytes: 'PARLANCE_MAX_UPLOAD_BYTES',
  logLevel: 'PARLANCE_LOG_LEVEL',
  stopDeadlineMs: 'PARLANCE_STOP_DEADLINE_MS',
}

/** Variables of other deployments. Whoever sets one believes that the data goes there. */
const unsupportedNames = ['PARLANCE_MONGO_URL', 'PARLANCE_REDIS_URL', 'PARLANCE_KAFKA_BROKERS', 'PARLANCE_ROLES']

/**
 * Puts the settings together: options first, then the environment, then the file that `PARLANCE_CONFIG` names, then the defaults.
 *
 * @throws ConfigError naming the setting, where it came from, and the cure; never its value.
 */
export function readConfig(options: ConfigInput = {}, environment: NodeJS.ProcessEnv = process.env): Config {
  const unsupported = unsupportedNames.filter((name) => (environment[name] ?? '') !== '')
  if (unsupported.length > 0)
    throw new ConfigError(
      `${unsupported.join(' and ')} cannot be followed: this version runs on the embedded store only; unset ${unsupported.length === 1 ? 'it' : 'them'}`,
    )
  const fromEnvironment = Object.fromEntries(
    Object.entries(environmentNames).flatMap(([key, name]) =>
      environment[name] === undefined || environment[name] === '' ? [] : [[key, environment[name]]],
    ),
  )
  const given = {
    ...readFile(environment['PARLANCE_CONFIG']),
    ...fromEnvironment,
    ...Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)),
  }
  const parsed = configSchema.strict().safeParse(given)
  if (!parsed.success) {
    const problems = parsed.error.issues.map(({ path, message }) => `${describe(String(path[0] ?? ''))}: ${message}`)
    throw new ConfigError(`the configuration is wrong: ${problems.join('; ')}`)
  }
  const config = parsed.data
  if (config.demo === 'on' && !isLoopback(config.host)) {
    throw new ConfigError(
      `demo (PARLANCE_DEMO) signs anybody in without a password, so it is never served on ${config.host}: set it to off, or listen on 127.0.0.1`,
    )
  }
  if (!isLoopback(config.host) && config.secret === undefined) {
    throw new ConfigError(
      `listening on ${config.host} needs an admin secret of your own: set PARLANCE_SECRET, or listen on 127.0.0.1`,
    )
  }
  return config
}

/** Whether the demo's sign-in is served. */
export const hasDemo = ({ demo, host, page }: Config): boolean =>
  isLoopback(host) && (demo === 'on' || (demo === 'auto' && page !== undefined))

const describe = (key: string): string =>
  key in environmentNames ? `${key} (${environmentNames[key as keyof Config]})` : key || 'the settings'

function readFile(path: string | undefined): Record<string, unknown> {
  if (path === undefined || path === '') return {}
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>
  } catch (error) {
    throw new ConfigError(`the file that PARLANCE_CONFIG names cannot be read: ${(error as Error).message}`, {
      cause: error,
    })
  }
}
