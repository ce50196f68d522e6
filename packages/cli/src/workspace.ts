import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

/** The nearest folder, upwards from one, that has all of these files; undefined when there is none. */
export function findUpwards(from: string, files: readonly string[]): string | undefined {
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    if (files.every((file) => existsSync(join(folder, file)))) return folder
    if (folder === dirname(folder)) return undefined
  }
}
