import { exitCodes } from './cli-error.ts'

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
  /** Aborts when nobody reads the answer any more: `parlance logs | head`. Then nothing that is said goes anywhere. */
  readonly readerGone: AbortSignal
}

/** A pipe that was closed, a terminal that was. */
const goneCodes: ReadonlySet<string | undefined> = new Set(['EPIPE', 'EIO'])

const codes: Readonly<Record<Style, number>> = { good: 32, bad: 31, dim: 2, strong: 1 }

/** Colours only where a person reads: on a terminal, unless NO_COLOR or a dumb terminal says otherwise. */
export function paintFor(stream: { readonly isTTY?: boolean | undefined }, environment: NodeJS.ProcessEnv): Paint {
  const hasColours = stream.isTTY === true && !environment['NO_COLOR'] && environment['TERM'] !== 'dumb'
  return (style, text) => (hasColours ? `\u001B[${codes[style]}m${text}\u001B[0m` : text)
}

/** The terminal of this process. What is being done goes on when its reader has gone; other failures to write set the exit code. */
export function processTerminal(): Terminal {
  const readerGone = new AbortController()
  const onError = ({ code }: NodeJS.ErrnoException): void => {
    if (!goneCodes.has(code)) process.exitCode = exitCodes.failed
  }
  process.stdout.on('error', (error) => {
    onError(error)
    readerGone.abort()
  })
  process.stderr.on('error', onError)
  return {
    say: (line) => void process.stdout.write(`${line}\n`),
    note: (line) => void process.stderr.write(`${line}\n`),
    paint: paintFor(process.stdout, process.env),
    readerGone: readerGone.signal,
  }
}
