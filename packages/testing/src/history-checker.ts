/** One entry as a reader saw it. */
export interface SeenEntry {
  readonly seq: number
  readonly id: string
}

/** What is wrong with a history, and where. */
export interface HistoryProblem {
  readonly kind: 'lost' | 'duplicated' | 'reordered' | 'gap' | 'regressed'
  readonly stream: string
  readonly reader: string
  /** Names the entries and numbers in question. */
  readonly message: string
}

/**
 * Checks what readers saw of numbered streams against what writers were promised.
 *
 * Tell it every acknowledged append, and everything every reader saw, in the order it saw it; then ask for the problems.
 *
 * - lost: an acknowledged entry that a reader of its stream did not see;
 * - duplicated: an entry that a reader saw twice, or that has another number for another reader;
 * - reordered: numbers that go back for a reader, or a number that is another entry for another reader;
 * - gap: a number that a reader missed between the first of the stream and the last it saw, unless it was published as void;
 * - regressed: a reader was told that the stream ends before where it was told earlier that it ends.
 *
 * A session that is told of new entries as they come, and may miss some, is held to less: no entry twice, numbers that ascend, and
 * the same numbers that readers saw.
 *
 * Entries that were seen but never acknowledged are right: the answer to their writer may have been lost.
 */
export class HistoryChecker {
  readonly #acknowledged = new Map<string, Set<string>>()
  readonly #voided = new Map<string, Set<number>>()
  readonly #seen = new Map<string, Map<string, SeenEntry[]>>()
  readonly #sessions = new Map<string, Map<string, SeenEntry[]>>()
  readonly #heads = new Map<string, Map<string, number>>()
  readonly #regressed: HistoryProblem[] = []
  readonly #firstSeq: number

  /** @param firstSeq - the number of each stream's first entry. */
  constructor({ firstSeq = 1 }: { readonly firstSeq?: number } = {}) {
    this.#firstSeq = firstSeq
  }

  /** An append whose writer was told that it is done. */
  acknowledged(stream: string, id: string): void {
    entryOf(this.#acknowledged, stream, () => new Set()).add(id)
  }

  /** A number that was published as one that no entry will ever have. */
  voided(stream: string, seq: number): void {
    entryOf(this.#voided, stream, () => new Set()).add(seq)
  }

  /** What a reader saw next; with no entries, that it reads the stream to its end. */
  saw(reader: string, stream: string, ...entries: readonly SeenEntry[]): void {
    const readers = entryOf(this.#seen, stream, () => new Map<string, SeenEntry[]>())
    entryOf(readers, reader, () => []).push(...entries)
  }

  /** What a session was told of as it came. */
  heard(session: string, stream: string, ...entries: readonly SeenEntry[]): void {
    const sessions = entryOf(this.#sessions, stream, () => new Map<string, SeenEntry[]>())
    entryOf(sessions, session, () => []).push(...entries)
  }

  /** The highest number of a stream, as a reader was told. */
  told(reader: string, stream: string, head: number): void {
    const heads = entryOf(this.#heads, stream, () => new Map<string, number>())
    const before = heads.get(reader) ?? head
    heads.set(reader, Math.max(before, head))
    if (head >= before) return
    const message = `${reader}, ${stream}: was told ${head} after ${before}`
    this.#regressed.push({ kind: 'regressed', stream, reader, message })
  }

  /** Everything that is wrong; call it when every reader has read to the end. */
  problems(): HistoryProblem[] {
    const problems: HistoryProblem[] = [...this.#regressed]
    for (const stream of new Set([...this.#acknowledged.keys(), ...this.#seen.keys(), ...this.#sessions.keys()]))
      problems.push(...this.#problemsOf(stream))
    return problems
  }

  #problemsOf(stream: string): HistoryProblem[] {
    const problems: HistoryProblem[] = []
    const acknowledged = this.#acknowledged.get(stream) ?? new Set()
    const readers = this.#seen.get(stream) ?? new Map<string, SeenEntry[]>()
    const numbers: Numbers = { idOf: new Map(), seqOf: new Map() }
    if (readers.size === 0)
      for (const id of acknowledged)
        problems.push({ kind: 'lost', stream, reader: '(nobody)', message: `nobody read the stream of ${id}` })
    for (const [reader, entries] of readers) {
      const report = (kind: HistoryProblem['kind'], message: string): void =>
        void problems.push({ kind, stream, reader, message: `${reader}, ${stream}: ${message}` })
      checkOrder(entries, numbers, report)
      this.#checkGaps(stream, entries, report)
      const ids = new Set(entries.map(({ id }) => id))
      for (const id of acknowledged) if (!ids.has(id)) report('lost', `${id} was acknowledged and not seen`)
    }
    for (const [reader, entries] of this.#sessions.get(stream) ?? [])
      checkOrder(entries, numbers, (kind, message) =>
        problems.push({ kind, stream, reader, message: `session ${reader}, ${stream}: ${message}` }),
      )
    return problems
  }

  #checkGaps(stream: string, entries: readonly SeenEntry[], report: Report): void {
    const known = new Set([...entries.map(({ seq }) => seq), ...(this.#voided.get(stream) ?? [])])
    const last = entries.reduce((highest, { seq }) => Math.max(highest, seq), this.#firstSeq - 1)
    let from = this.#firstSeq
    for (let seq = from; seq <= last; seq++) {
      if (!known.has(seq)) continue
      if (seq > from) report('gap', seq - from === 1 ? `${from} is missing` : `${from} to ${seq - 1} are missing`)
      from = seq + 1
    }
  }
}

type Report = (kind: HistoryProblem['kind'], message: string) => void

/** What the readers so far agree on. */
interface Numbers {
  readonly idOf: Map<number, string>
  readonly seqOf: Map<string, number>
}

function checkOrder(entries: readonly SeenEntry[], { idOf, seqOf }: Numbers, report: Report): void {
  const own = new Map<string, number>()
  let highest: SeenEntry | undefined
  for (const entry of entries) {
    const { seq, id } = entry
    const before = own.get(id)
    own.set(id, seq)
    if (before !== undefined) {
      report('duplicated', `${id} came as ${before} and again as ${seq}`)
      continue
    }
    if (highest !== undefined && seq < highest.seq)
      report('reordered', `${id} (${seq}) came after ${highest.id} (${highest.seq})`)
    if (highest === undefined || seq > highest.seq) highest = entry
    const elsewhere = entryOf(seqOf, id, () => seq)
    if (elsewhere !== seq) report('duplicated', `${id} is ${seq} here and ${elsewhere} for another reader`)
    const other = entryOf(idOf, seq, () => id)
    if (other !== id) report('reordered', `${seq} is ${id} here and was ${other} before`)
  }
}

function entryOf<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const present = map.get(key)
  if (present !== undefined) return present
  const made = make()
  map.set(key, made)
  return made
}
