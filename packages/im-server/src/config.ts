import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { ConfigError } from './config-error.ts'
import { defaultObjectLimits } from './domain/objects/object-limits.ts'
import { maxPartNumber } from './domain/objects/object-storage.ts'
import { isLoopback } from './loopback.ts'
import { isRole, type Role, roles } from './roles.ts'

/** As many parts of the usual size as an upload may have. */
const maxFileBytes = maxPartNumber * defaultObjectLimits.partBytes

/** A number, or one in digits; nothing else that JavaScript would make a number of. */
const asNumber = (given: unknown): unknown =>
  typeof given === 'string' && /^\s*-?\d+(\.\d+)?\s*$/.test(given) ? Number(given) : given

const number = (min: number, max: number, error?: string) =>
  z.preprocess(
    asNumber,
    z
      .number({ error: 'must be a number' })
      .int({ error: 'must be a whole number' })
      .min(min, error ?? `must be ${min} or more`)
      .max(max, error ?? `must be ${max} or less`),
  )

const port = number(0, 65_535, 'must be a port, 0 to 65535')

/** `all`, or some of them with commas between. */
const roleList = z.union([z.string(), z.array(z.string())]).transform((given, context): readonly Role[] => {
  const words = (typeof given === 'string' ? given.split(',') : given).map((word) => word.trim())
  if (words.length === 1 && words[0] === 'all') return roles
  const unknown = words.filter((word) => !isRole(word))
  if (unknown.length > 0)
    context.addIssue(`${unknown.join(', ') || 'nothing'} is no role: use all, or some of ${roles.join(',')}`)
  return roles.filter((role) => words.includes(role))
})

const url = (protocol: RegExp, what: string) => z.string().regex(protocol, `must begin with ${what}`).optional()

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
  /** Signs tokens and the connections between processes, the same for all of them. Without one, one is made and kept in the data folder. */
  tokenKey: z.string().min(32, 'the key must have at least 32 characters').optional(),
  /** What this process does of the server's work. */
  roles: roleList.default([...roles]),
  /** Where rows and messages are kept. Without this and the next two: in the data folder. */
  mongoURL: url(/^mongodb(\+srv)?:\/\//, 'mongodb:// or mongodb+srv://'),
  /** The cache that all processes share, and where they find each other's sessions. */
  redisURL: url(
    /^rediss?([+-](sentinel|cluster))?:\/\//,
    'redis:// or rediss://, or one of them with +cluster or +sentinel before the colon',
  ),
  /** The log between accepting, storing and pushing: hosts with ports, with commas between. */
  kafkaBrokers: z
    .string()
    .regex(/^[^\s,]+:\d+(,[^\s,]+:\d+)*$/, 'must be host:port, several with commas between')
    .optional(),
  /** Begins the names of everything in those three, so that several servers can share them. */
  namespace: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,31}$/, 'must be lower case letters, digits and -, at most 32')
    .default('parlance'),
  /** Partitions of topics that do not exist yet: at most so many processes of a role work at the same time. */
  kafkaPartitions: number(1, 256).default(8),
  /** Copies of topics that do not exist yet. */
  kafkaReplication: number(1, 16).default(1),
  /** Copies that must have a message before it is acknowledged. */
  kafkaMinInSync: number(1, 16).default(1),
  /** Address where this process takes what others push to its sessions. */
  nodeHost: z.string().min(1).default('127.0.0.1'),
  /** Host where the others reach this process for that, when it is another one than `nodeHost`. */
  nodeAdvertisedHost: z.string().min(1).optional(),
  /** Port of the same; 0 takes any free one. */
  nodePort: port.default(0),
  /** Port of `/healthz`, `/readyz` and `/metrics` alone; a process that serves nothing else over HTTP has one in any case. */
  metricsPort: port.optional(),
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
  maxFileBytes: number(1, maxFileBytes).default(1024 ** 3),
  /** Bytes that all uploads together may announce until they are completed. */
  maxUploadBytes: number(1, Number.MAX_SAFE_INTEGER).default(10 * 1024 ** 3),
  /** How much is logged. */
  logLevel: z.enum(['silent', 'error', 'warn', 'info', 'debug']).default('info'),
  /** How long a process that starts waits for services that do not answer yet. */
  startWaitMs: number(0, 600_000).default(30_000),
  /** How long stopping may take. */
  stopDeadlineMs: number(100, 300_000).default(10_000),
})

/** The settings in force. */
export type Config = z.output<typeof configSchema>

/** Settings as they may be given; what is left out has its default. */
export type ConfigInput = { readonly [K in keyof Config]?: z.input<typeof configSchema>[K] | undefined }

/** Which environment variable gives which setting. */
export const environmentNames: Readonly<Record<keyof Config, string>> = {
  host: 'PARLANCE_HOST',
  apiPort: 'PARLANCE_API_PORT',
  wsPort: 'PARLANCE_WS_PORT',
  dataDir: 'PARLANCE_DATA_DIR',
  secret: 'PARLANCE_SECRET',
  tokenKey: 'PARLANCE_TOKEN_KEY',
  roles: 'PARLANCE_ROLES',
  mongoURL: 'PARLANCE_MONGO_URL',
  redisURL: 'PARLANCE_REDIS_URL',
  kafkaBrokers: 'PARLANCE_KAFKA_BROKERS',
  namespace: 'PARLANCE_NAMESPACE',
  kafkaPartitions: 'PARLANCE_KAFKA_PARTITIONS',
  kafkaReplication: 'PARLANCE_KAFKA_REPLICATION',
  kafkaMinInSync: 'PARLANCE_KAFKA_MIN_IN_SYNC',
  nodeHost: 'PARLANCE_NODE_HOST',
  nodeAdvertisedHost: 'PARLANCE_NODE_ADVERTISED_HOST',
  nodePort: 'PARLANCE_NODE_PORT',
  metricsPort: 'PARLANCE_METRICS_PORT',
  adminID: 'PARLANCE_ADMIN_ID',
  page: 'PARLANCE_PAGE',
  demo: 'PARLANCE_DEMO',
  friendVerify: 'PARLANCE_FRIEND_VERIFY',
  publicURL: 'PARLANCE_PUBLIC_URL',
  objectsDir: 'PARLANCE_OBJECTS_DIR',
  maxFileBytes: 'PARLANCE_MAX_FILE_BYTES',
  maxUploadBytes: 'PARLANCE_MAX_UPLOAD_BYTES',
  logLevel: 'PARLANCE_LOG_LEVEL',
  startWaitMs: 'PARLANCE_START_WAIT_MS',
  stopDeadlineMs: 'PARLANCE_STOP_DEADLINE_MS',
}

/** Where a server of several processes keeps its data; all three or none. */
const serviceSettings = ['mongoURL', 'redisURL', 'kafkaBrokers'] as const

/**
 * Puts the settings together: options first, then the environment, then the file that `PARLANCE_CONFIG` names, then the defaults.
 *
 * @throws ConfigError naming the setting, where it came from, and the cure; never its value.
 */
export function readConfig(options: ConfigInput = {}, environment: NodeJS.ProcessEnv = process.env): Config {
  const parsed = configSchema.strict().safeParse(together(options, environment))
  if (!parsed.success)
    throw wrong(parsed.error.issues.map(({ path, message }) => ({ setting: String(path[0] ?? ''), message })))
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
  assertWhole(config)
  return config
}

/**
 * Reads one setting by itself, as {@link readConfig} does, whatever is wrong with the others.
 *
 * @throws ConfigError when this one is wrong, or the file that `PARLANCE_CONFIG` names cannot be read.
 */
export function readSetting<K extends keyof Config>(name: K, environment: NodeJS.ProcessEnv = process.env): Config[K] {
  const parsed = configSchema.shape[name].safeParse(together({}, environment)[name])
  if (!parsed.success) throw wrong(parsed.error.issues.map(({ message }) => ({ setting: name, message })))
  return parsed.data as Config[K]
}

function together(options: ConfigInput, environment: NodeJS.ProcessEnv): Record<string, unknown> {
  const fromEnvironment = Object.fromEntries(
    Object.entries(environmentNames).flatMap(([key, name]) =>
      environment[name] === undefined || environment[name] === '' ? [] : [[key, environment[name]]],
    ),
  )
  return {
    ...readFile(environment['PARLANCE_CONFIG']),
    ...fromEnvironment,
    ...Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)),
  }
}

const wrong = (problems: readonly { readonly setting: string; readonly message: string }[]): ConfigError =>
  new ConfigError(
    `the configuration is wrong: ${problems.map(({ setting, message }) => `${describe(setting)}: ${message}`).join('; ')}`,
  )

/** Whether the data lies in the data folder, and this process is the whole server. */
export const isEmbedded = ({ mongoURL }: Pick<Config, 'mongoURL'>): boolean => mongoURL === undefined

function assertWhole(config: Config): void {
  const missing = serviceSettings.filter((name) => config[name] === undefined)
  if (missing.length > 0 && missing.length < serviceSettings.length)
    throw new ConfigError(
      `MongoDB, Redis and Kafka go together: set ${missing.map(describe).join(' and ')} as well, or none of the three for the embedded store`,
    )
  if (isEmbedded(config) && config.roles.length < roles.length)
    throw new ConfigError(
      `${describe('roles')}: the embedded store has one process for everything; leave roles at all, or set ${serviceSettings.map(describe).join(', ')}`,
    )
  if (config.kafkaMinInSync > config.kafkaReplication)
    throw new ConfigError(
      `${describe('kafkaMinInSync')} is more than the copies there are: set it to ${describe('kafkaReplication')} at most`,
    )
  if (!isEmbedded(config) && everyAddress.has(config.nodeHost) && config.nodeAdvertisedHost === undefined)
    throw new ConfigError(
      `${describe('nodeHost')}: ${config.nodeHost} stands for every address, others do not find this process there; set ${describe('nodeAdvertisedHost')}, or one address`,
    )
  if (!isEmbedded(config) && !isLoopback(config.nodeHost) && config.tokenKey === undefined)
    throw new ConfigError(
      `taking pushes on ${config.nodeHost} needs a key that all processes share: set ${describe('tokenKey')}`,
    )
}

const everyAddress = new Set(['0.0.0.0', '::'])

/** Whether the demo's sign-in is served. */
export const hasDemo = ({ demo, host, page }: Config): boolean =>
  isLoopback(host) && (demo === 'on' || (demo === 'auto' && page !== undefined))

const describe = (key: string): string =>
  key in environmentNames ? `${key} (${environmentNames[key as keyof Config]})` : key || 'the settings'

function readFile(path: string | undefined): Record<string, unknown> {
  if (path === undefined || path === '') return {}
  const refuse = (why: string): ConfigError =>
    new ConfigError(`${path}, which PARLANCE_CONFIG names, ${why}: correct the file or the name`)
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw refuse(`cannot be read (${(error as NodeJS.ErrnoException).code})`)
  }
  let settings: unknown
  try {
    settings = JSON.parse(text)
  } catch (error) {
    // Not the parser's own words, nor itself as the cause: it quotes the text, which may hold a secret.
    const [, position] = /at position (\d+)/.exec((error as Error).message) ?? []
    throw refuse(position === undefined ? 'is no JSON' : `is no JSON at character ${Number(position) + 1}`)
  }
  if (typeof settings !== 'object' || settings === null || Array.isArray(settings))
    throw refuse('is JSON, but no object with settings')
  return settings as Record<string, unknown>
}
