import type { Random } from '@parlance/testing'

/** Values that code tends not to expect. */
const wildTexts = [
  '',
  ' ',
  '\0',
  '\u{1F600}',
  '\ud800',
  '__proto__',
  '../../etc/passwd',
  "' OR 1=1 --",
  '1',
  'null',
  'ⅷ',
]
const wildNumbers = [0, -1, 1, 0.5, 2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 63), 1e308, 101, 1400, 1501]
/** Lengths that lie: varints, gob's negated byte counts, and numbers of four and eight bytes. */
const wildLengths = [
  'ff',
  '80',
  '7f',
  'ffffffff0f',
  'ffffffffffffffffff01',
  'fcffffffff',
  'f8ffffffffffffffff',
  'fe7fff',
]

const json = (value: unknown): string => JSON.stringify(value) ?? 'null'

/** Damages samples in seeded random ways: the same seed gives the same damage. */
export class Mutator {
  readonly random: Random

  constructor(random: Random) {
    this.random = random
  }

  /** True `percent` times of a hundred. */
  chance(percent: number): boolean {
    return this.random.int(100) < percent
  }

  /** Flips, cuts, inserts, removes, repeats, and lies about lengths. */
  bytes(sample: Uint8Array): Buffer {
    let bytes: Buffer = Buffer.from(sample)
    for (let times = this.random.int(3); times >= 0; times--) bytes = this.#once(bytes)
    return bytes
  }

  /** Protobuf as nobody writes it: deep, endless, of wrong types, with lengths that lie. */
  protobuf(): Buffer {
    const { random } = this
    const field = 1 + random.int(15)
    switch (random.int(6)) {
      case 0:
        return this.#nested(field, 1 + random.int(5_000))
      case 1:
        return repeat(Buffer.from([(field << 3) | 2, 0]), 1 + random.int(15_000))
      case 2:
        return Buffer.concat([Buffer.from([(field << 3) | 2]), this.#wildLength(), random.bytes(random.int(20))])
      case 3:
        return Buffer.concat([Buffer.from([(field << 3) | random.int(8)]), random.bytes(random.int(30))])
      case 4:
        // A packed list of as many numbers as fit.
        return lengthDelimited(field, Buffer.alloc(1 + random.int(20_000), 1))
      default:
        return random.bytes(random.int(100))
    }
  }

  /** A value of the wrong type, size or depth. */
  wild(): unknown {
    const { random } = this
    switch (random.int(9)) {
      case 0:
        return random.pick(wildTexts)
      case 1:
        return random.pick(wildNumbers)
      case 2:
        return 'x'.repeat(random.int(6_000))
      case 3:
        return random.pick([null, true, false])
      case 4:
        return Array.from({ length: random.int(3_000) }, (_, index) => index)
      case 5:
        return Array.from({ length: random.int(40) }).reduce((inner) => [inner], {})
      case 6:
        return { constructor: null, toString: 1, length: -1 }
      case 7:
        return []
      default:
        return {}
    }
  }

  /** Replaces, removes or adds something somewhere in a JSON value. */
  json(value: unknown): unknown {
    const { random } = this
    if (typeof value !== 'object' || value === null || this.chance(10)) return this.wild()
    if (Array.isArray(value)) {
      if (value.length === 0 || this.chance(20)) return [...(value as unknown[]), this.wild()]
      const at = random.int(value.length)
      return (value as unknown[]).map((item, index) => (index === at ? this.json(item) : item))
    }
    const entries = Object.entries(value)
    if (entries.length === 0 || this.chance(10)) return { ...value, [random.pick(wildTexts)]: this.wild() }
    const at = random.int(entries.length)
    if (this.chance(15)) return Object.fromEntries(entries.filter((_, index) => index !== at))
    return Object.fromEntries(entries.map(([key, item], index) => [key, index === at ? this.json(item) : item]))
  }

  /** The text of a JSON value, mutated in its values or in its letters. */
  jsonText(value: unknown): Buffer {
    const { random } = this
    switch (random.int(8)) {
      case 0:
        return this.bytes(Buffer.from(json(value)))
      case 1:
        return Buffer.from('['.repeat(1 + random.int(60_000)))
      case 2:
        return Buffer.from(json(value), 'utf16le')
      case 3:
        return Buffer.from(`{"__proto__":${json(value)},"a":1,"a":[1e999]}`)
      default:
        return Buffer.from(json(this.json(value)))
    }
  }

  #once(bytes: Buffer): Buffer {
    const { random } = this
    const at = random.int(bytes.length + 1)
    const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)]
    switch (random.int(8)) {
      case 0:
        return before
      case 1:
        return after
      case 2:
        return Buffer.concat([before, random.bytes(1 + random.int(9)), after])
      case 3:
        return Buffer.concat([before, after.subarray(1 + random.int(4))])
      case 4:
        return Buffer.concat([bytes, bytes.subarray(at, at + random.int(60))])
      case 5:
        return Buffer.concat([before, this.#wildLength(), after.subarray(1)])
      case 6: {
        const flipped = Buffer.from(bytes)
        if (at < flipped.length) flipped[at] = flipped[at]! ^ (1 << random.int(8))
        return flipped
      }
      default: {
        const changed = Buffer.from(bytes)
        if (at < changed.length) changed[at] = random.pick([0, 1, 0x7f, 0x80, 0xfe, 0xff, random.int(256)])
        return changed
      }
    }
  }

  #wildLength(): Buffer {
    return Buffer.from(this.random.pick(wildLengths), 'hex')
  }

  /** Messages within messages, with lengths that are right, or groups that are never ended. */
  #nested(field: number, depth: number): Buffer {
    if (this.chance(30)) return Buffer.alloc(depth, (field << 3) | 3)
    let inner: Buffer = Buffer.alloc(0)
    for (let level = 0; level < depth && inner.length < 30_000; level++) inner = lengthDelimited(field, inner)
    return inner
  }
}

const repeat = (bytes: Buffer, times: number): Buffer => Buffer.alloc(bytes.length * times, bytes)

function lengthDelimited(field: number, content: Buffer): Buffer {
  const length: number[] = []
  for (let rest = content.length; ; rest >>>= 7) {
    length.push(rest > 127 ? (rest & 127) | 128 : rest)
    if (rest <= 127) break
  }
  return Buffer.concat([Buffer.from([(field << 3) | 2, ...length]), content])
}
