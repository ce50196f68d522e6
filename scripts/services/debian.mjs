// System packages, where installing them takes one command and the right to do it: on Debian and its like, as root.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'

export const canInstallPackages =
  process.getuid !== undefined && process.getuid() === 0 && existsSync('/usr/bin/apt-get')

const waiting = ['-o', 'Acquire::Retries=3', '-o', 'Acquire::http::Timeout=30', '-o', 'DPkg::Lock::Timeout=120']

function aptGet(args) {
  return new Promise((resolve) => {
    const child = spawn('apt-get', ['-q', ...waiting, ...args], {
      env: Object.assign({}, process.env, { DEBIAN_FRONTEND: 'noninteractive' }),
      stdio: ['ignore', 'ignore', 'inherit'],
      timeout: 300_000,
    })
    child.once('error', () => resolve(false))
    child.once('exit', (code) => resolve(code === 0))
  })
}

/** Installs packages; whether it worked. */
export async function installPackages(names) {
  return (await aptGet(['update'])) && (await aptGet(['install', '-y', '--no-install-recommends', ...names]))
}
