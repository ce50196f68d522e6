// System packages, where installing them takes one command and the right to do it: on Debian and its like, as root.
import { existsSync } from 'node:fs'
import { run } from './run.mjs'

export const canInstallPackages =
  process.getuid !== undefined && process.getuid() === 0 && existsSync('/usr/bin/apt-get')

const waiting = ['-o', 'Acquire::Retries=3', '-o', 'Acquire::http::Timeout=30', '-o', 'DPkg::Lock::Timeout=120']

const aptGet = (args) =>
  run('apt-get', ['-q', ...waiting, ...args], {
    timeoutMs: 300_000,
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  })

/** Installs packages. Resolves with `undefined`, or with what went wrong. */
export async function installPackages(names) {
  return (await aptGet(['update'])) ?? (await aptGet(['install', '-y', '--no-install-recommends', ...names]))
}
