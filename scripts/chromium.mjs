// Where the browser is that the web chat's tests drive.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

const usual = {
  linux: [
    '/usr/bin/chromium',
    '/usr/bin/chromium-browser',
    '/usr/bin/google-chrome',
    '/usr/bin/google-chrome-stable',
    '/snap/bin/chromium',
  ],
  darwin: [
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    '/Applications/Chromium.app/Contents/MacOS/Chromium',
  ],
  win32: ['PROGRAMFILES', 'PROGRAMFILES(X86)', 'LOCALAPPDATA'].flatMap((name) =>
    process.env[name] === undefined ? [] : [process.env[name] + '\\Google\\Chrome\\Application\\chrome.exe'],
  ),
}

/** What to do when there is none. */
export const chromiumCure = 'install chromium, or set PARLANCE_CHROMIUM to a Chromium or Chrome'

/** The path of a Chromium: where PARLANCE_CHROMIUM says, or in one of the usual places. */
export function findChromium(environment = process.env) {
  const given = environment.PARLANCE_CHROMIUM
  if (given !== undefined && given !== '') return existsSync(given) ? given : undefined
  return (usual[process.platform] || []).find((path) => existsSync(path))
}

/** Installs Chromium where that takes one command and the right to do it: on Debian and its like, as root. */
export function installChromium() {
  const isRoot = process.getuid !== undefined && process.getuid() === 0
  if (!isRoot || !existsSync('/usr/bin/apt-get')) return
  console.log('Installing Chromium…')
  const env = Object.assign({}, process.env, { DEBIAN_FRONTEND: 'noninteractive' })
  for (const args of [['update'], ['install', '-y', '--no-install-recommends', 'chromium']]) {
    const { status } = spawnSync('apt-get', ['-q', '-o', 'Acquire::Retries=3', ...args], {
      env,
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    if (status !== 0) return
  }
}
