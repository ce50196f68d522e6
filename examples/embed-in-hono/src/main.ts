import { start } from './app.ts'

const { url, stop } = await start({
  dataDir: process.env['DATA_DIR'] ?? './data',
  port: Number(process.env['PORT'] ?? 3000),
})
console.log(`The shop is open at ${url}, its chat at ${url}/chat`)

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop())
