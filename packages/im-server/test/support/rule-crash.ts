import { type Random, runSeed, seededRandom, temporaryFolder, until } from '@parlance/testing'
import { createImServer, type ImServer } from '../../src/index.ts'
import { ApiClient, type ApiAnswer } from './api-client.ts'
import { report } from './report.ts'
import { ServerProcess } from './server-process.ts'

/** How often each rule's server is killed; `PARLANCE_RULE_KILL_RUNS` asks for more. */
export const ruleKillRuns = Number(process.env['PARLANCE_RULE_KILL_RUNS'] ?? 3)

/** A rule over several rows: what it does, and what has to hold whenever the server died. */
export interface CrashedRule {
  readonly name: string
  /** Registered before the first run. */
  readonly users: readonly string[]
  /** Makes what the operations need; once, after the users were registered. */
  prepare?(world: CrashWorld): Promise<void>
  /**
   * One operation with random arguments, of many at the same time. Its calls go through {@link CrashWorld.call}; a refusal is for
   * the rule to judge.
   */
  operate(world: CrashWorld): Promise<void>
  /** Every contradiction found with the server running again, in words; also between what was confirmed and what is there. */
  audit(world: CrashWorld): Promise<string[]>
  /** Breaks the rule by hand in the stopped server's store, to show that the audit notices. */
  breakByHand(repositories: ImServer['repositories'], world: CrashWorld): Promise<unknown>
}

/** A server process with its users' API clients, over all runs of a rule. */
export class CrashWorld {
  readonly server: ServerProcess
  readonly admin: ApiClient
  readonly random: Random
  /** Calls that were answered, since the beginning. */
  answered = 0
  /** Calls that the server died over. */
  cutOff = 0
  #isDying = false
  readonly #clients = new Map<string, ApiClient>()

  private constructor(server: ServerProcess, admin: ApiClient, random: Random) {
    this.server = server
    this.admin = admin
    this.random = random
  }

  static async start(folder: string, random: Random): Promise<CrashWorld> {
    const server = await ServerProcess.start(folder)
    return new CrashWorld(server, await ApiClient.admin(server.api, server.secret), random)
  }

  /** The server is to be killed, or is gone: operations must end. */
  get isDying(): boolean {
    return this.#isDying
  }

  async register(users: readonly string[]): Promise<void> {
    await this.admin.register(...users)
    for (const userID of users)
      this.#clients.set(userID, new ApiClient(this.server.api, await this.admin.userToken(userID, 5)))
  }

  /** A user's client, for audits; in an operation use {@link call}. */
  client(userID: string): ApiClient {
    return this.#clients.get(userID)!
  }

  /** Calls the API as a user. Undefined when the server died before it answered: the call may have had its effect, or not. */
  async call<T = Record<string, unknown>>(
    userID: string,
    path: string,
    body: object,
  ): Promise<ApiAnswer<T> | undefined> {
    try {
      const answer = await this.client(userID).call<T>(path, body)
      this.answered++
      return answer
    } catch (error) {
      if (!this.#isDying) throw error
      this.cutOff++
      return undefined
    }
  }

  async kill(): Promise<void> {
    this.#isDying = true
    await this.server.kill()
  }

  async restart(): Promise<void> {
    await this.server.restart()
    this.#isDying = false
  }
}

const inFlight = 24

/**
 * Kills the server with operations of a rule in flight, again and again, and audits after each restart.
 *
 * The moment lies a random number of answers, and then of turns of the event loop, after the load began. At the end the rule is
 * broken by hand: an audit that says nothing then proves nothing.
 *
 * @throws when the audit finds a contradiction; the message has run and seed (`PARLANCE_SEED` repeats it).
 */
export async function killDuring(rule: CrashedRule, runCount = ruleKillRuns): Promise<void> {
  const seed = runSeed()
  const random = seededRandom(seed)
  using folder = temporaryFolder()
  const world = await CrashWorld.start(folder.path, random)
  try {
    await world.register(rule.users)
    await rule.prepare?.(world)
    for (let run = 1; run <= runCount; run++) {
      const killAfter = world.answered + 10 + random.int(300)
      const load = Array.from({ length: inFlight }, async () => {
        while (!world.isDying) await rule.operate(world)
      })
      const all = Promise.all(load)
      await Promise.race([all, until('enough calls are answered', () => world.answered >= killAfter, 60_000)])
      await turns(random.int(20))
      await world.kill()
      await all
      await world.restart()
      const wrong = await rule.audit(world)
      if (wrong.length > 0)
        throw new Error(`${rule.name}, run ${run}, PARLANCE_SEED=${seed}: ${wrong.slice(0, 10).join('; ')}`)
    }
    const calls = `${world.answered} calls answered, ${world.cutOff} cut off`
    report(`kill -9 during ${rule.name}: ${runCount} runs, PARLANCE_SEED=${seed}, ${calls}`)
    // Once to the end: the kills may have come before anything was there to be broken.
    await rule.operate(world)
    await auditNotices(rule, world, folder.path)
  } finally {
    await world.server.stop()
  }
}

async function auditNotices(rule: CrashedRule, world: CrashWorld, dataDir: string): Promise<void> {
  await world.server.stop()
  const im = await createImServer({ dataDir, logLevel: 'error', secret: world.server.secret }, {})
  await rule.breakByHand(im.repositories, world)
  await im.stop()
  await world.restart()
  const wrong = await rule.audit(world)
  if (wrong.length === 0) throw new Error(`${rule.name}: the audit did not notice a rule that was broken by hand`)
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}
