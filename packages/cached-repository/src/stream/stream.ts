import type { Bytes } from '@parlance/core'
import type { Topic } from '@parlance/notification-bus'
import { DeclarationError } from '../entity/errors.ts'
import { maxEntryBytes as mostEntryBytes } from './stream-limits.ts'

/** How a stream's rows become bytes, and rows again. `decode` gets the number the entry was given. */
export interface StreamCodec<Row> {
  encode(row: Row): Uint8Array
  decode(bytes: Uint8Array, seq: number): Row
}

/** A declared `last` view at run time. */
export interface LastSpec {
  readonly kind: 'last'
  readonly by: (row: never) => string | undefined
}

/** Asks for the highest seq of many (stream, value) pairs, in their order; 0 where no entry had the value. One read for every 10 000 of up to 200 000 pairs. */
export type LastMethod = (pairs: readonly { readonly stream: string; readonly value: string }[]) => Promise<number[]>

/** A declared view of a stream. */
export interface StreamView {
  readonly spec: LastSpec
}

/** Which views a stream can have. */
export interface StreamViewKinds<Row> {
  /** The highest seq among the entries of a stream for which `by` gave a value, of at most 512 UTF-16 units; `undefined` marks nothing. */
  last(declaration: { readonly by: (row: Row) => string | undefined }): StreamView
}

/** Names that a stream's view may not have. */
export type ReservedStreamName = 'then' | 'stream' | 'append' | 'range' | 'at' | 'heads' | 'truncate'

/** Views of a stream by name. */
export type StreamViews = Readonly<Record<string, StreamView>> & { readonly [N in ReservedStreamName]?: never }

/**
 * What is published with each appended batch, if and only if it is stored: one message per batch and stream, or several of
 * consecutive parts of it when one would exceed a million bytes. What is said of one row alone must stay below that.
 */
export interface StreamAnnouncement<Row, T> {
  readonly topic: Topic<T>
  /** Called with new entries, which have the numbers `first` to `last`, when these are known: pure and quick; may be called again. */
  readonly message: (stream: string, first: number, last: number, rows: readonly Row[]) => T
}

/** How a stream entity is declared. */
export interface StreamDeclaration<Row, V, T> {
  readonly codec: StreamCodec<Row>
  /** Rows of one stream with the same repeat key, of 1 to 512 UTF-16 units, are stored once. */
  readonly repeat?: (row: Row) => string
  readonly views?: (view: StreamViewKinds<Row>) => V
  readonly announce?: StreamAnnouncement<Row, T>
  /** The largest encoded entry, at most 1 MiB. @defaultValue 256 KiB */
  readonly maxEntryBytes?: Bytes
}

declare const declared: unique symbol

/** A declared kind of stream: every stream of it is named by a string and holds dense, immutable entries. */
export interface Stream<Row, V> {
  readonly name: string
  readonly schema: StreamSchema
  readonly [declared]?: { readonly row: Row; readonly views: V }
}

/** A declared stream as drivers and repositories see it. */
export interface StreamSchema {
  readonly name: string
  readonly codec: StreamCodec<unknown>
  readonly repeat: ((row: unknown) => string) | undefined
  readonly last: ReadonlyMap<string, (row: unknown) => string | undefined>
  readonly announce: StreamAnnouncement<unknown, unknown> | undefined
  readonly maxEntryBytes: Bytes
}

const reserved: ReadonlySet<string> = new Set<ReservedStreamName>([
  'then',
  'stream',
  'append',
  'range',
  'at',
  'heads',
  'truncate',
])

/**
 * Declares a kind of stream over the journal.
 *
 * @throws {@link DeclarationError} when a name cannot be used.
 */
export function stream<Row, V extends StreamViews = {}, T = never>(
  name: string,
  declaration: StreamDeclaration<Row, V, T>,
): Stream<Row, V> {
  if (!/^[a-z][a-z0-9_]{0,62}$/.test(name))
    throw new DeclarationError(
      `'${name}' cannot name a stream: use 1 to 63 lower-case letters, digits and underscores, beginning with a letter`,
    )
  const views = declaration.views?.({ last: ({ by }) => ({ spec: { kind: 'last', by } }) }) ?? {}
  const last = new Map<string, (row: unknown) => string | undefined>()
  for (const [viewName, view] of Object.entries(views) as [string, StreamView][]) {
    if (reserved.has(viewName) || !/^[A-Za-z][A-Za-z0-9_]{0,62}$/.test(viewName))
      throw new DeclarationError(`view ${viewName} of stream ${name} cannot have this name: choose another`)
    last.set(viewName, view.spec.by as (row: unknown) => string | undefined)
  }
  const { codec, repeat, announce, maxEntryBytes = 256 * 1024 } = declaration
  if (!Number.isSafeInteger(maxEntryBytes) || maxEntryBytes < 1 || maxEntryBytes > mostEntryBytes)
    throw new DeclarationError(
      `maxEntryBytes of stream ${name} is ${maxEntryBytes}: give a whole number from 1 to ${mostEntryBytes}`,
    )
  const schema: StreamSchema = {
    name,
    codec: codec as StreamCodec<unknown>,
    repeat: repeat as ((row: unknown) => string) | undefined,
    last,
    announce: announce as StreamAnnouncement<unknown, unknown> | undefined,
    maxEntryBytes,
  }
  return { name, schema }
}
