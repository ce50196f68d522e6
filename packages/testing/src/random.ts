/** A seeded source of randomness: the same seed gives the same run. */
export interface Random {
  /** In [0, 1). */
  next(): number
  /** In [0, below). */
  int(below: number): number
  pick<T>(from: readonly T[]): T
  bytes(length: number): Buffer
  readonly seed: number
}

/** Small, fast and repeatable (mulberry32); not for secrets. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const int = (below: number): number => Math.floor(next() * below)
  return {
    next,
    int,
    pick: (from) => from[int(from.length)]!,
    bytes: (length) => Buffer.from(Array.from({ length }, () => int(256))),
    seed,
  }
}

/** So many of `kinds`: each comes once before any comes again, in another order each time round. */
export function inRounds<T>(kinds: readonly T[], count: number, random: Random): T[] {
  const drawn: T[] = []
  while (kinds.length > 0 && drawn.length < count) {
    const round = [...kinds]
    while (round.length > 0) drawn.push(...round.splice(random.int(round.length), 1))
  }
  return drawn.slice(0, count)
}

/** The seed of this run: `PARLANCE_SEED` when set, to repeat a failure; otherwise a new one. Print it. */
export function runSeed(): number {
  const given = process.env['PARLANCE_SEED']
  return given === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(given)
}
