import { createImServer } from '@parlance/im-server'
import { reactionsExtension } from './reactions-extension.ts'

const im = await createImServer({
  dataDir: process.env['DATA_DIR'] ?? './data',
  logLevel: 'warn',
  extensions: [reactionsExtension],
})
const port = Number(process.env['PORT'] ?? 3000)
const { api } = await im.listen({ apiPort: port, wsPort: port })
console.log(`An IM server with reactions listens at ${api}`)

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void im.stop())
