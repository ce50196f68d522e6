import type { Terminal } from '../../src/terminal.ts'

/** A terminal that nobody reads. */
export const silentTerminal: Terminal = {
  say: () => undefined,
  note: () => undefined,
  paint: (_, text) => text,
  readerGone: new AbortController().signal,
}
