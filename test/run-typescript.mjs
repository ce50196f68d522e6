// Runs the main function of a TypeScript file in a process of its own: node run-typescript.mjs <file.ts> <arguments…>
import { runnerImport } from 'vite'

const [file] = process.argv.slice(2)
const { module } = await runnerImport(file, {
  configFile: false,
  logLevel: 'error',
  oxc: { decorator: { legacy: true, emitDecoratorMetadata: true } },
  resolve: { conditions: ['@parlance/source'] },
  ssr: { resolve: { conditions: ['@parlance/source'] } },
})
await module.main(process.argv.slice(3))
