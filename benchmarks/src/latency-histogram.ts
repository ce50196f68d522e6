const exactUnits = 2048
const stepsPerOctave = 1024
const octaveCount = 20
const unitsPerMs = 1000

/**
 * Counts latencies in buckets of constant relative width, so that recording costs the same for the first sample and
 * the hundred millionth.
 *
 * Resolution is 1 µs up to 2 ms and 0.1 % above; anything beyond 35 minutes counts as that.
 */
export class LatencyHistogram {
  readonly #buckets = new Uint32Array(exactUnits + octaveCount * stepsPerOctave)
  #count = 0
  #maxMs = 0

  /** Latencies recorded so far. */
  get count(): number {
    return this.#count
  }

  /** The largest latency recorded; 0 when there is none. */
  get maxMs(): number {
    return this.#maxMs
  }

  /** Adds one latency. A negative one, which only a clock error can give, counts as zero. */
  record(latencyMs: number): void {
    const index = bucketOf(latencyMs)
    this.#buckets[index] = this.#buckets[index]! + 1
    this.#count += 1
    if (latencyMs > this.#maxMs) this.#maxMs = latencyMs
  }

  /**
   * The latency that `fraction` of the samples do not exceed (nearest rank), to the histogram's resolution.
   *
   * `undefined` when nothing was recorded.
   */
  percentileMs(fraction: number): number | undefined {
    if (this.#count === 0) return undefined
    const rank = Math.min(this.#count, Math.max(1, Math.ceil(fraction * this.#count)))
    let seen = 0
    for (let index = 0; index < this.#buckets.length; index += 1) {
      seen += this.#buckets[index]!
      if (seen >= rank) return Math.min(middleMs(index), this.#maxMs)
    }
    return this.#maxMs
  }
}

function bucketOf(latencyMs: number): number {
  const units = latencyMs > 0 ? Math.floor(latencyMs * unitsPerMs) : 0
  if (units < exactUnits) return units
  if (units >= 2 ** 31) return exactUnits + octaveCount * stepsPerOctave - 1
  const octave = 31 - Math.clz32(units) - 11
  return exactUnits + octave * stepsPerOctave + ((units >>> (octave + 1)) - stepsPerOctave)
}

function middleMs(bucket: number): number {
  if (bucket < exactUnits) return bucket / unitsPerMs
  const octave = Math.floor((bucket - exactUnits) / stepsPerOctave)
  const step = (bucket - exactUnits) % stepsPerOctave
  const widthUnits = 2 ** (octave + 1)
  return ((step + stepsPerOctave) * widthUnits + widthUnits / 2) / unitsPerMs
}
