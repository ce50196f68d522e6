import { runServer } from '@parlance/im-server'

/** What `parlance start` takes; each has an environment variable of the same meaning. */
export interface StartOptions {
  readonly host?: string
  readonly apiPort?: string
  readonly wsPort?: string
  readonly dataDir?: string
  readonly page?: string
  readonly logLevel?: string
}

const names = {
  host: 'PARLANCE_HOST',
  apiPort: 'PARLANCE_API_PORT',
  wsPort: 'PARLANCE_WS_PORT',
  dataDir: 'PARLANCE_DATA_DIR',
  page: 'PARLANCE_PAGE',
  logLevel: 'PARLANCE_LOG_LEVEL',
} as const

/** Runs the server in this process until it is told to stop. Options win over the environment. */
export function start(options: StartOptions): Promise<void> {
  const given = Object.entries(names).flatMap(([option, name]) => {
    const value = options[option as keyof StartOptions]
    return value === undefined ? [] : [[name, value]]
  })
  return runServer({ ...process.env, ...Object.fromEntries(given) })
}
