import type { Command } from 'commander'
import { readSetting } from '@parlance/im-server/settings'

/** Settings of the server that commands take; each has an environment variable of the same meaning. */
export interface Settings {
  readonly host?: string
  readonly apiPort?: string
  readonly wsPort?: string
  readonly dataDir?: string
  readonly page?: string
  readonly logLevel?: string
}

const names: Readonly<Record<keyof Settings, string>> = {
  host: 'PARLANCE_HOST',
  apiPort: 'PARLANCE_API_PORT',
  wsPort: 'PARLANCE_WS_PORT',
  dataDir: 'PARLANCE_DATA_DIR',
  page: 'PARLANCE_PAGE',
  logLevel: 'PARLANCE_LOG_LEVEL',
}

/** Lets a command take the data folder. */
export const withDataDir = (command: Command): Command =>
  command.option('--data-dir <folder>', 'folder of everything that is kept (PARLANCE_DATA_DIR, default ./data)')

/** Lets a command take the settings of the server. */
export const withSettings = (command: Command): Command =>
  withDataDir(
    command
      .option('--host <address>', 'address to listen on (PARLANCE_HOST, default 127.0.0.1)')
      .option('--api-port <port>', 'port of the HTTP API (PARLANCE_API_PORT, default 10002)')
      .option('--ws-port <port>', 'port of the WebSocket gateway (PARLANCE_WS_PORT, default 10001)'),
  )
    .option('--page <folder>', 'built web page to serve at / of the API (PARLANCE_PAGE)')
    .option('--log-level <level>', 'silent, error, warn, info or debug (PARLANCE_LOG_LEVEL, default info)')

/** The environment of a server with these settings: options win over the environment. */
export function environmentOf(settings: Settings, environment: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  const given = Object.entries(names).flatMap(([option, name]) => {
    const value = settings[option as keyof Settings]
    return value === undefined ? [] : [[name, value]]
  })
  return { ...environment, ...Object.fromEntries(given) }
}

/**
 * Where things are kept; also when other settings are wrong, so that what runs can still be seen and stopped.
 *
 * @throws ConfigError when the file of settings cannot be read: it may name another folder.
 */
export const dataDirOf = (settings: Settings, environment: NodeJS.ProcessEnv = process.env): string =>
  readSetting('dataDir', environmentOf(settings, environment))
