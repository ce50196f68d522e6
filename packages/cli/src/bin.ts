#!/usr/bin/env node
import { Command } from 'commander'
import { start, type StartOptions } from './start.ts'

const program = new Command('parlance').description('Runs the Parlance IM server.')

program
  .command('start')
  .description('start the server in the foreground; Ctrl-C drains and stops it')
  .option('--host <address>', 'address to listen on (PARLANCE_HOST, default 127.0.0.1)')
  .option('--api-port <port>', 'port of the HTTP API (PARLANCE_API_PORT, default 10002)')
  .option('--ws-port <port>', 'port of the WebSocket gateway (PARLANCE_WS_PORT, default 10001)')
  .option('--data-dir <folder>', 'folder of everything that is kept (PARLANCE_DATA_DIR, default ./data)')
  .option('--page <folder>', 'built web page to serve at / of the API (PARLANCE_PAGE)')
  .option('--log-level <level>', 'silent, error, warn, info or debug (PARLANCE_LOG_LEVEL, default info)')
  .action((options: StartOptions) => start(options))

await program.parseAsync()
