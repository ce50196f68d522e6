import { stream, type StreamStore } from '@parlance/cached-repository'
import { json, topic } from '@parlance/notification-bus'

export interface Line {
  readonly lineID: string
  readonly authorID: string
  readonly text: string
}

export interface Appended {
  readonly stream: string
  readonly first: number
  readonly last: number
  readonly texts: readonly string[]
}

export const appended = topic<Appended>('line.appended', {
  schema: json((value) => value as Appended),
  key: (one) => one.stream,
})

/** How often an entry was decoded. */
export const decoded = { count: 0 }

export const lines = stream('line', {
  codec: {
    encode: (line: Line) => Buffer.from(JSON.stringify(line)),
    decode: (bytes, seq) => {
      decoded.count++
      return { ...(JSON.parse(Buffer.from(bytes).toString()) as Line), seq }
    },
  },
  repeat: (line) => line.lineID,
  views: (v) => ({
    lastBy: v.last({ by: (line) => line.authorID }),
    lastLoud: v.last({ by: (line) => (line.text.endsWith('!') ? 'loud' : undefined) }),
  }),
  announce: {
    topic: appended,
    message: (name, first, last, rows) => {
      if (rows.some(({ text }) => text === 'unspeakable')) throw new RangeError('unspeakable')
      return { stream: name, first, last, texts: rows.map(({ text }) => text) }
    },
  },
  maxEntryBytes: 1_000,
})

/** A store's methods, to be replaced one by one. */
export const passedOn = (streams: StreamStore): StreamStore => ({
  soleWriter: streams.soleWriter,
  append: (take) => streams.append(take),
  read: (...parameters) => streams.read(...parameters),
  readMany: (...parameters) => streams.readMany(...parameters),
  heads: (names) => streams.heads(names),
  truncate: (...parameters) => streams.truncate(...parameters),
  last: (marks) => streams.last(marks),
})

let nextID = 0
export const line = (text: string, authorID = 'a', lineID = `id${nextID++}`): Line => ({ lineID, authorID, text })
export const texts = (entries: readonly ({ row: Line } | undefined)[]) => entries.map((entry) => entry?.row.text)
