// Builds the page into dist/page. The SDK is not bundled: it is copied as it was published, and loaded as a module by the browser.
import { cpSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'

const here = dirname(fileURLToPath(import.meta.url))
const page = join(here, 'dist/page')
const sdk = dirname(dirname(fileURLToPath(import.meta.resolve('@openim/wasm-client-sdk'))))

const copySdk = {
  name: 'copy-sdk',
  closeBundle() {
    mkdirSync(join(page, 'sdk'), { recursive: true })
    for (const file of [
      'lib/index.es.js',
      'lib/worker.js',
      'assets/wasm_exec.js',
      'assets/openIM.wasm',
      'assets/sql-wasm.wasm',
    ])
      cpSync(join(sdk, file), join(page, 'sdk', file.slice(file.indexOf('/') + 1)), { dereference: true })
  },
}

export default defineConfig({
  root: here,
  base: './',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: page,
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: 'es2022',
    rollupOptions: { input: ['index.html', 'chat.html'].map((name) => join(here, name)) },
  },
  plugins: [copySdk],
})
