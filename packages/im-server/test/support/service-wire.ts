/** What goes over connections to a service, as far as counting needs it. */
export interface ServiceWire {
  connection(): ConnectionWire
}

/** One connection to a service. */
export interface ConnectionWire {
  /** The end of the frame that a client's words begin with; undefined while it is not all there. */
  readonly requests: (written: Buffer) => number | undefined
  /** The same of a server's. */
  readonly answers: (written: Buffer) => number | undefined
  /** What a client's frame asks for; undefined for what goes on without any operation, and for what nobody waits for. */
  requestOf(frame: Buffer): { readonly names: readonly string[]; readonly id: number } | undefined
  /** Which request a server's frame answers, or is the last answer to. */
  answeredBy(frame: Buffer): number | undefined
  /** Answers come in the order of the requests. */
  readonly isOrdered: boolean
}

const sized =
  (lengthOf: (written: Buffer) => number) =>
  (written: Buffer): number | undefined =>
    written.length >= 4 && written.length >= lengthOf(written) ? lengthOf(written) : undefined

const opMsg = 2013
const mongoProbes = new Set(['hello', 'isMaster', 'ismaster', 'ping', 'endSessions'])

/** What is done once, and what timers ask for: by command and collection, and by words that only these commands have. */
const mongoAside: readonly { readonly name: RegExp; readonly words: string }[] = [
  { name: /^createIndexes /, words: '' },
  { name: /entities\.declared$/, words: '' },
  // The sweeper looks for what others left.
  { name: /^find entity_/, words: '_marks.at' },
  { name: /^find entities\.intents$/, words: '$lt' },
  { name: /^find entities\.spreads$/, words: '' },
  { name: /^find journal$/, words: 'noted' },
  // One change in 64, by chance, has its list folded afterwards.
  { name: /^find change_lists$/, words: '\u0010ops\0' },
  { name: /^findAndModify change_lists$/, words: '' },
  { name: / change_elements$/, words: '' },
  // Twice a second, for all streams that announced something.
  { name: /^update journal$/, words: '$pull' },
]

const mongoConnection: ConnectionWire = {
  requests: sized((written) => written.readInt32LE(0)),
  answers: sized((written) => written.readInt32LE(0)),
  requestOf(frame) {
    if (frame.readInt32LE(12) !== opMsg) return undefined
    const text = frame.toString('latin1')
    // After the header: flags, the kind of the section, the document's length, the type of its first field, its name and its text.
    const command = text.slice(26, text.indexOf('\0', 26))
    if (mongoProbes.has(command)) return undefined
    const from = 26 + command.length + 5
    const name = `${command} ${text.slice(from, text.indexOf('\0', from))}`
    if (mongoAside.some((aside) => aside.name.test(name) && text.includes(aside.words))) return undefined
    return { names: [name], id: frame.readInt32LE(4) }
  },
  answeredBy: (frame) => frame.readInt32LE(8),
  isOrdered: false,
}

/** One message is one command, whose name is the first field of its document. */
export const mongoWire: ServiceWire = { connection: () => mongoConnection }

const produceKey = 0
const fetchKey = 1

const kafkaConnection: ConnectionWire = {
  requests: sized((written) => 4 + written.readInt32BE(0)),
  answers: sized((written) => 4 + written.readInt32BE(0)),
  requestOf(frame) {
    return isKafkaProduce(frame) ? { names: ['Produce'], id: frame.readInt32BE(8) } : undefined
  },
  answeredBy: (frame) => frame.readInt32BE(4),
  isOrdered: false,
}

/** A request has its kind and a number. Only what is produced is waited for. */
export const kafkaWire: ServiceWire = { connection: () => kafkaConnection }

export const isKafkaProduce = (frame: Buffer): boolean => frame.readInt16BE(4) === produceKey

export const isKafkaFetch = (frame: Buffer): boolean => frame.readInt16BE(4) === fetchKey

/** The broker names its own port in what it answers; clients are to stay with the one they were given. */
export function withKafkaPort(frame: Buffer, host: string, port: number, instead: number): Buffer {
  const address = (number: number): Buffer => {
    const bytes = Buffer.alloc(2 + host.length + 4)
    bytes.writeInt16BE(host.length, 0)
    bytes.write(host, 2, 'latin1')
    bytes.writeInt32BE(number, 2 + host.length)
    return bytes
  }
  const [named, wanted] = [address(port), address(instead)]
  const changed = Buffer.from(frame)
  for (let at = changed.indexOf(named); at !== -1; at = changed.indexOf(named, at + named.length))
    wanted.copy(changed, at)
  return changed
}

/** A command's words from `from` on, and where it ends; undefined while it is not all there. */
function redisCommand(written: Buffer, from: number): { readonly end: number; readonly words: string[] } | undefined {
  let at = from
  const number = (): number | undefined => {
    const end = written.indexOf('\r\n', at)
    if (end === -1) return undefined
    const value = Number(written.toString('latin1', at + 1, end))
    at = end + 2
    return value
  }
  const count = number()
  if (count === undefined) return undefined
  const words: string[] = []
  for (let index = 0; index < count; index++) {
    const length = number()
    if (length === undefined || at + length + 2 > written.length) return undefined
    words.push(written.toString('latin1', at, at + length))
    at += length + 2
  }
  return { end: at, words }
}

/** The end of an answer that begins at `from`; undefined while it is not all there. */
function redisAnswerEnd(written: Buffer, from: number): number | undefined {
  const lineEnd = written.indexOf('\r\n', from)
  if (lineEnd === -1) return undefined
  const kind = String.fromCharCode(written[from]!)
  const length = Number(written.toString('latin1', from + 1, lineEnd))
  const next = lineEnd + 2
  if (kind === '$') {
    const end = length < 0 ? next : next + length + 2
    return end <= written.length ? end : undefined
  }
  let end: number | undefined = next
  if (kind === '*' || kind === '>')
    for (let index = 0; index < length && end !== undefined; index++) end = redisAnswerEnd(written, end)
  return end
}

const redisProbes = new Set([
  'ping',
  'info',
  'hello',
  'client',
  'script',
  'subscribe',
  'unsubscribe',
  'ssubscribe',
  'sunsubscribe',
])

/** Timers: nodes say that they live, the channel does, and sessions are looked at for whether Redis has them still. */
function isRedisTimer([command, ...words]: readonly string[]): boolean {
  const key = command === 'evalsha' ? words[2] : words[0]
  if (key?.endsWith(':nodes') || command === 'hexists') return true
  return command === 'publish' && key!.endsWith(':invalidation') && (JSON.parse(words[1]!) as unknown[]).length === 3
}

/** Answers come in the order of the commands. */
function redisConnection(): ConnectionWire {
  const asked: (number | undefined)[] = []
  let last = 0
  return {
    requests: (written) => redisCommand(written, 0)?.end,
    answers: (written) => redisAnswerEnd(written, 0),
    requestOf(frame) {
      const { words } = redisCommand(frame, 0)!
      const command = words[0]!.toLowerCase()
      const isCounted = !redisProbes.has(command) && !isRedisTimer([command, ...words.slice(1)])
      asked.push(isCounted ? ++last : undefined)
      return isCounted ? { names: [command], id: last } : undefined
    },
    answeredBy: () => asked.shift(),
    isOrdered: true,
  }
}

/** Commands that are on their way together wait for one round trip. */
export const redisWire: ServiceWire = { connection: redisConnection }

/** `get, 2 evalsha`: what there is of each, in the order of the alphabet. */
export function summed(names: readonly string[], between = ' + ', times = ' '): string {
  const counts = new Map<string, number>()
  for (const name of names.toSorted()) counts.set(name, (counts.get(name) ?? 0) + 1)
  return [...counts].map(([name, count]) => (count === 1 ? name : `${count}${times}${name}`)).join(between)
}
