// Where the browser is that the web chat's tests drive.
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
