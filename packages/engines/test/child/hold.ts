import { SqliteEngine } from '@parlance/engines/sqlite'

export function main([path]: string[]): void {
  SqliteEngine.open({ path: path! })
  process.stdout.write('open\n')
  setInterval(() => undefined, 60_000)
}
