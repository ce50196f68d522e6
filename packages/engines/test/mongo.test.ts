import { randomBytes } from 'node:crypto'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { inspect } from 'node:util'
import { ClosedError, OverloadedError } from '@parlance/core'
import { serviceURL, until } from '@parlance/testing'
import { MongoServerError, MongoWriteConcernError } from 'mongodb'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import {
  convertMongoError,
  type Mongo,
  MongoAccessError,
  MongoAddressError,
  MongoCommandError,
  MongoDuplicateError,
  MongoTimeoutError,
  MongoTooLargeError,
  MongoUnavailableError,
  MongoVersionError,
  openMongo,
} from '../src/mongo/index.ts'
import { fakeMongo } from './fake-mongo.ts'
import { recordingMetrics } from './recording-metrics.ts'

const url = serviceURL('mongo')
const password = 'pass-never-shown'

const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'nothing failed',
    (error: unknown) => error,
  )

describe('the URL of MongoDB', () => {
  it.each([
    '',
    'mongo://somewhere',
    'mongodb://',
    `mongodb://me:${password}/@here/db`,
    `mongodb://me:${password}%zz@h/?x`,
  ])('refuses %j and names the form, never the password', async (wrong) => {
    const error = await failureOf(openMongo({ url: wrong }))
    expect(error).toBeInstanceOf(MongoAddressError)
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(password)
  })

  it.each(['w=1', 'journal=false', 'readPreference=secondary', 'readConcernLevel=local'])(
    'may not weaken what is promised: %s',
    async (option) => {
      const error = await failureOf(openMongo({ url: `mongodb://me:${password}@127.0.0.1:1/?${option}` }))
      expect(error).toBeInstanceOf(MongoAddressError)
      expect(String(error)).toContain(option.split('=')[0]!.toLowerCase())
    },
  )
})

describe('a server that cannot be used', () => {
  const closing: (() => Promise<void>)[] = []
  afterEach(async () => void (await Promise.all(closing.splice(0).map((close) => close()))))

  const open = async (answer: (command: string) => Readonly<Record<string, unknown>>): Promise<unknown> => {
    const fake = await fakeMongo(answer)
    closing.push(() => fake.close())
    return failureOf(openMongo({ url: `mongodb://me:${password}@127.0.0.1:${fake.port}/db`, selectionTimeoutMs: 500 }))
  }

  it('nobody there: unavailable, retryable, without the password', async () => {
    const error = await failureOf(openMongo({ url: `mongodb://me:${password}@127.0.0.1:1`, selectionTimeoutMs: 200 }))
    expect(error).toBeInstanceOf(MongoUnavailableError)
    expect(error).toMatchObject({ retryable: true, message: expect.stringContaining('PARLANCE_MONGO_URL') })
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(password)
  })

  it('too old: says from which version on', async () => {
    const error = await open(() => ({ ok: 1, isWritablePrimary: true, maxWireVersion: 6, minWireVersion: 0 }))
    expect(error).toBeInstanceOf(MongoVersionError)
    expect(String(error)).toContain('4.4')
  })

  it('wrong password: access, not retryable, without the password', async () => {
    const error = await open((command) =>
      command.startsWith('sasl')
        ? { ok: 0, code: 18, codeName: 'AuthenticationFailed', errmsg: 'Authentication failed.' }
        : { ok: 1, isWritablePrimary: true, maxWireVersion: 21, minWireVersion: 0, maxBsonObjectSize: 16_777_216 },
    )
    expect(error).toBeInstanceOf(MongoAccessError)
    expect(error).toMatchObject({ retryable: false })
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(password)
  })

  it.each([
    [10107, MongoUnavailableError],
    [11602, MongoUnavailableError],
    [50, MongoTimeoutError],
    [10334, MongoTooLargeError],
    [2, MongoCommandError],
  ])('the code %i becomes %o', (code, kind) => {
    const error = convertMongoError(new MongoServerError({ message: 'no', code }), 'MongoDB at here')
    expect(error).toBeInstanceOf(kind)
    expect(convertMongoError(error, 'MongoDB at here')).toBe(error)
  })

  it('a write that a majority did not confirm in time may be stored: retryable', () => {
    const result = { ok: 1, writeConcernError: { code: 64, errmsg: 'waiting for replication timed out' } }
    expect(convertMongoError(new MongoWriteConcernError(result), 'MongoDB at here')).toBeInstanceOf(MongoTimeoutError)
  })
})

describe.skipIf(url === undefined)('a connection to MongoDB', () => {
  const database = `engines_${randomBytes(6).toString('hex')}`
  const recorded = recordingMetrics()
  let mongo: Mongo
  beforeAll(async () => {
    mongo = await openMongo({ url: url!, database, metrics: recorded.metrics })
  })
  afterAll(async () => {
    await mongo.run((db) => db.dropDatabase())
    await mongo.close()
  })

  it('writes with a majority and a journal, reads what a majority holds', () =>
    mongo.run(async (db) => {
      expect(db.writeConcern).toMatchObject({ w: 'majority', journal: true })
      expect(db.readConcern).toMatchObject({ level: 'majority' })
      expect(db.readPreference.mode).toBe('primary')
    }))

  it('names the index and the places of duplicates', async () => {
    await mongo.ensureIndexes('things', [{ key: { name: 1 }, name: 'by_name', unique: true }])
    await mongo.on<{ _id: number; name: string }, unknown>('things', (on) =>
      on.insertMany([
        { _id: 1, name: 'a' },
        { _id: 2, name: 'b' },
      ]),
    )
    const insert = (docs: { _id: number; name: string }[]): Promise<unknown> =>
      failureOf(
        mongo.on<{ _id: number; name: string }, unknown>('things', (on) => on.insertMany(docs, { ordered: false })),
      )
    const error = await insert([
      { _id: 3, name: 'a' },
      { _id: 4, name: 'd' },
      { _id: 2, name: 'e' },
    ])
    expect(error).toBeInstanceOf(MongoDuplicateError)
    expect(error).toMatchObject({ positions: [0, 2], details: { index: 'by_name' }, retryable: false })
    const single = mongo.on<{ _id: number }, unknown>('things', (on) => on.insertOne({ _id: 4 }))
    expect(await failureOf(single)).toMatchObject({ positions: [0], details: { index: '_id_' } })
  })

  it('tells of every command, measures it, and says how it is', async () => {
    const commands: string[] = []
    const stop = mongo.onCommand(({ name, collection }) => commands.push(`${name} ${collection}`))
    await mongo.on('things', (on) => on.findOne({}))
    stop()
    const replies: unknown[] = []
    const stopReplies = mongo.onReply((reply) => replies.push(reply))
    await mongo.on('things', (on) => on.find({}).toArray())
    await mongo.on('things', (on) => on.findOneAndUpdate({ _id: 'nothing' as never }, { $set: { a: 1 } }))
    stopReplies()
    expect(replies).toEqual([
      { name: 'find', documents: 3 },
      { name: 'findAndModify', documents: 0 },
    ])
    await mongo.on('things', (on) => on.findOne({}))
    expect(commands).toEqual(['find things'])
    expect(recorded.observations.get('parlance_mongo_command_ms')!.length).toBeGreaterThan(0)
    expect(await mongo.health()).toMatchObject({ healthy: true, words: expect.stringMatching(/answered in \d+ ms/) })
  })

  it('refuses more calls than may wait, and every call after close', async () => {
    const small = await openMongo({ url: url!, database, maxPending: 1 })
    const first = small.run((db) => db.command({ ping: 1 }))
    expect(await failureOf(small.run((db) => db.command({ ping: 1 })))).toBeInstanceOf(OverloadedError)
    await first
    await Promise.all([small.close(), small.close()])
    expect(await failureOf(small.on('things', (on) => on.findOne({})))).toBeInstanceOf(ClosedError)
    expect(await small.health()).toMatchObject({ healthy: false })
  })

  describe('behind a network that fails', () => {
    let gate: Gate
    let through: Mongo
    beforeAll(async () => {
      gate = await openGate(url!)
      through = await openMongo({
        url: `mongodb://127.0.0.1:${gate.port}/?heartbeatFrequencyMS=500&retryReads=false`,
        database,
        selectionTimeoutMs: 300,
        connectTimeoutMs: 300,
        commandTimeoutMs: 300,
      })
    })
    afterAll(async () => {
      await through.close()
      await gate.close()
    })

    it('says unavailable or timed out, retryable, single and in bulk, and works again by itself', async () => {
      gate.stalled = true
      const stalled = await failureOf(through.on('things', (on) => on.findOne({})))
      expect(stalled).toMatchObject({ retryable: true, code: expect.stringMatching(/MONGO_(TIMEOUT|UNAVAILABLE)/) })
      gate.shut()
      const bulk = await failureOf(through.on('things', (on) => on.bulkWrite([{ insertOne: { document: {} } }])))
      expect(bulk).toMatchObject({ retryable: true, code: 'MONGO_UNAVAILABLE' })
      expect(await through.health()).toMatchObject({ healthy: false, words: expect.stringContaining('MongoDB at') })
      gate.open()
      await until('MongoDB is healthy again', async () => (await through.health()).healthy)
    })
  })
})

interface Gate {
  readonly port: number
  stalled: boolean
  shut(): void
  open(): void
  close(): Promise<void>
}

/** Lies between a client and MongoDB: passes everything on, nothing on, or refuses. */
async function openGate(target: string): Promise<Gate> {
  const { hostname, port } = new URL(target)
  const sockets = new Set<Socket>()
  let isShut = false
  const server: Server = createServer((near) => {
    if (isShut) return void near.destroy()
    const far = connect(Number(port), hostname)
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      from.on('error', () => from.destroy())
      from.on('close', () => to.destroy())
      from.on('data', (bytes) => gate.stalled || to.write(bytes))
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const destroyAll = (): void => {
    for (const socket of sockets) socket.destroy()
    sockets.clear()
  }
  const gate: Gate = {
    port: (server.address() as { port: number }).port,
    stalled: false,
    shut() {
      isShut = true
      destroyAll()
    },
    open() {
      isShut = false
      gate.stalled = false
    },
    close: () =>
      new Promise((resolve) => {
        destroyAll()
        server.close(() => resolve())
      }),
  }
  return gate
}
