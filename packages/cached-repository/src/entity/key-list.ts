import type { Bytes } from '@parlance/core'
import { plainValue, sizeOfValue } from './field-values.ts'
import type { KeyCodec } from './key-codec.ts'
import type { EntitySchema } from './schema.ts'
import type { AnyRow } from './values.ts'
import type { RowsSpec } from './view.ts'

type Plain = string | number | boolean

/** A row's place in a list: its key, and what decides where it stands. */
interface Place {
  readonly key: AnyRow
  /** The fields of the order, then those of the key. */
  readonly rank: readonly Plain[]
}

/** How the rows of one `rows` view follow one another. */
export class ListOrder {
  readonly #fields: readonly (readonly [name: string, isDescending: boolean])[]
  readonly #keyFields: readonly string[]
  readonly #orderNames: readonly string[]

  constructor(schema: EntitySchema, { order }: RowsSpec) {
    this.#keyFields = schema.key.map(({ name }) => name)
    this.#orderNames = order.map(([name]) => name)
    this.#fields = [
      ...order.map(([name, direction]) => [name, direction === 'desc'] as const),
      ...this.#keyFields.map((name) => [name, false] as const),
    ]
  }

  /** Where a row, or a key with the fields of the order, stands. */
  placeOf(row: AnyRow): Place {
    const key: Record<string, unknown> = {}
    for (const name of this.#keyFields) key[name] = row[name]
    return { key: Object.freeze(key), rank: this.#fields.map(([name]) => plainValue(row[name]) as Plain) }
  }

  /** What {@link placeOf} needs besides the key, as JSON can hold it. */
  plainOf({ rank }: Place): readonly Plain[] {
    return rank.slice(0, this.#orderNames.length)
  }

  /** The place of a key whose fields of the order were made plain. */
  fromPlain(key: AnyRow, order: readonly Plain[]): Place {
    return { key, rank: [...order, ...this.#keyFields.map((name) => plainValue(key[name]) as Plain)] }
  }

  compare(one: Place, other: Place): number {
    for (let index = 0; index < this.#fields.length; index++) {
      const order = compareValues(one.rank[index]!, other.rank[index]!)
      if (order !== 0) return this.#fields[index]![1] ? -order : order
    }
    return 0
  }
}

/**
 * The keys of a list in its order, which can be brought up to date by what a write did: the cost follows the change, not the list.
 *
 * What {@link keys} gave out stays as it is.
 */
export class KeyList {
  readonly #order: ListOrder
  readonly #places: Place[]
  #keys: readonly AnyRow[] | undefined
  #sizeBytes: Bytes = 0

  constructor(order: ListOrder, places: readonly Place[], sizeOf: (key: AnyRow) => Bytes) {
    this.#order = order
    this.#places = [...places]
    this.#sizeOf = (place) => 32 + sizeOf(place.key) + sizeOfValue(place.rank.join())
    for (const place of places) this.#sizeBytes += this.#sizeOf(place)
  }

  readonly #sizeOf: (place: Place) => Bytes

  get keys(): readonly AnyRow[] {
    this.#keys ??= Object.freeze(this.#places.map(({ key }) => key))
    return this.#keys
  }

  /** Only these; the whole list is not walked. */
  slice(offset: number, limit: number): readonly AnyRow[] {
    return this.#places.slice(offset, offset + limit).map(({ key }) => key)
  }

  get places(): readonly Place[] {
    return this.#places
  }

  /** A generous estimate of what it takes up in memory. */
  get sizeBytes(): Bytes {
    return 64 + this.#sizeBytes
  }

  /** Puts in a row that came. */
  insert(row: AnyRow): void {
    const place = this.#order.placeOf(row)
    const at = this.#find(place)
    const isThere = at < this.#places.length && this.#order.compare(this.#places[at]!, place) === 0
    if (isThere) return
    this.#places.splice(at, 0, place)
    this.#sizeBytes += this.#sizeOf(place)
    this.#keys = undefined
  }

  /** Takes out a row as it was; false when it is not there, and the list therefore not what it is taken for. */
  remove(row: AnyRow): boolean {
    const place = this.#order.placeOf(row)
    const at = this.#find(place)
    const found = this.#places[at]
    if (found === undefined || this.#order.compare(found, place) !== 0) return false
    this.#places.splice(at, 1)
    this.#sizeBytes -= this.#sizeOf(found)
    this.#keys = undefined
    return true
  }

  /** The first place that does not stand before `place`. */
  #find(place: Place): number {
    let [low, high] = [0, this.#places.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#order.compare(this.#places[middle]!, place) < 0) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** As keys are named, and lists of them in the shared cache. */
export function keyListCodec(key: KeyCodec, order: ListOrder) {
  const text = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()
  return {
    encode: (list: KeyList): Uint8Array =>
      Buffer.from(JSON.stringify(list.places.map((place) => [key.encode(place.key), ...order.plainOf(place)]))),
    decode: (bytes: Uint8Array): KeyList => {
      const entries = JSON.parse(text(bytes)) as [string, ...Plain[]][]
      const places = entries.map(([name, ...plain]) => order.fromPlain(key.decode(name), plain))
      return new KeyList(order, places, (one) => key.sizeOf(one))
    },
  }
}

// As stores order them: numbers and false before true by value, text by code points, which UTF-16 units do not follow.
function compareValues(one: Plain, other: Plain): number {
  if (typeof one === 'string' && typeof other === 'string') return compareText(one, other)
  return Number(one) - Number(other)
}

function compareText(one: string, other: string): number {
  if (one === other) return 0
  const length = Math.min(one.length, other.length)
  for (let index = 0; index < length; index++) {
    const [a, b] = [one.charCodeAt(index), other.charCodeAt(index)]
    if (a !== b) return byCodePoint(a) - byCodePoint(b)
  }
  return one.length - other.length
}

/** Surrogates, which stand for what is above the other units, come last. */
const byCodePoint = (unit: number): number => (unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit)
