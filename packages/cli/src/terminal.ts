/** How something is meant, which colours show. */
export type Style = 'good' | 'bad' | 'dim' | 'strong'

/** Colours a text, or gives it back as it is. */
export type Paint = (style: Style, text: string) => string

/** Where a command speaks to people. */
export interface Terminal {
  /** Says a line that is the answer. */
  say(line: string): void
  /** Says a line about the work: progress, complaints. */
  note(line: string): void
  readonly paint: Paint
}

const codes: Readonly<Record<Style, number>> = { good: 32, bad: 31, dim: 2, strong: 1 }

/** Colours only where a person reads: on a terminal, unless NO_COLOR or a dumb terminal says otherwise. */
export function paintFor(stream: { readonly isTTY?: boolean | undefined }, environment: NodeJS.ProcessEnv): Paint {
  const hasColours = stream.isTTY === true && !environment['NO_COLOR'] && environment['TERM'] !== 'dumb'
  return (style, text) => (hasColours ? `\u001B[${codes[style]}m${text}\u001B[0m` : text)
}

/** The terminal of this process. */
export const processTerminal = (): Terminal => ({
  say: (line) => void process.stdout.write(`${line}\n`),
  note: (line) => void process.stderr.write(`${line}\n`),
  paint: paintFor(process.stdout, process.env),
})
