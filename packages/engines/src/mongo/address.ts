import { MongoAddressError } from './errors.ts'

/** A MongoDB URL, taken apart as far as a connection needs it. */
export interface MongoAddress {
  /** The hosts, and nothing else: safe to log. */
  readonly server: string
  /** The database named in the URL. */
  readonly database: string | undefined
  /** Tells whether the URL sets an option; those keep the URL's value. */
  sets(option: string): boolean
}

const form = /^mongodb(?:\+srv)?:\/\/(?:[^@/]*@)?([^@/?]+)(?:\/([^?]*))?(?:\?(.*))?$/

/** What the URL may not change: durable writes, and reads of what no failover takes back. */
const fixed: Readonly<Record<string, string>> = {
  w: 'majority',
  journal: 'true',
  readconcernlevel: 'majority',
  readpreference: 'primary',
}

/**
 * Reads a URL `mongodb://[user:password@]host[:port][,host…][/database][?options]`.
 *
 * @throws {@link MongoAddressError} when it is no such URL, or sets weaker guarantees than this project writes and reads
 * with; the message repeats neither user nor password.
 */
export function parseMongoAddress(url: string): MongoAddress {
  const [, server, path = '', query = ''] = form.exec(url) ?? []
  if (server === undefined)
    throw new MongoAddressError(
      'the URL of MongoDB has the form mongodb://user:password@host:27017/database: escape /, @ and : in user and password with %2F, %40 and %3A (PARLANCE_MONGO_URL)',
    )
  const options = new Map([...new URLSearchParams(query)].map(([name, value]) => [name.toLowerCase(), value]))
  for (const [option, value] of Object.entries(fixed)) {
    const given = options.get(option)
    if (given !== undefined && given !== value)
      throw new MongoAddressError(
        `the URL of MongoDB sets ${option}=${given}, but only ${value} keeps what is acknowledged: leave it out (PARLANCE_MONGO_URL)`,
        { details: { server, option } },
      )
  }
  return {
    server: `MongoDB at ${server}`,
    database: path === '' ? undefined : decodeURIComponent(path),
    sets: (option) => options.has(option.toLowerCase()),
  }
}
