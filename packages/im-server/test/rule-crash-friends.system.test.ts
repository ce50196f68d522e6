import { describe, it } from 'vitest'
import { type CrashedRule, type CrashWorld, killDuring, ruleKillRuns } from './support/rule-crash.ts'

/** Enough users that every operation has a pair of its own, with some 400 operations in a run. */
const users = Array.from({ length: 10 + Math.ceil(Math.sqrt(800 * ruleKillRuns)) }, (_, at) => `u${at}`)

type Pair = readonly [string, string]

const pairs: readonly Pair[] = users.flatMap((a, at) => users.slice(at + 1).map((b) => [a, b] as const))

interface Request {
  readonly fromUserID: string
  readonly toUserID: string
  readonly handleResult: number
}

/** What was asked of each pair, and what was confirmed. */
class Asked {
  count = 0
  readonly accepted = new Set<Pair>()
  readonly contradictions: string[] = []

  next(): Pair {
    const pair = pairs[this.count++]
    if (pair === undefined) throw new Error('there are no pairs left; the test needs more users')
    return pair
  }
}

const asked = new Asked()

const answer = async (world: CrashWorld, [from, to]: Pair, handleResult: number): Promise<number | undefined> => {
  const body = { fromUserID: from, toUserID: to, handleResult, handleMsg: '' }
  return (await world.call(to, '/friend/add_friend_response', body))?.errCode
}

/** Both are friends or neither is; who asked has its answer, and nothing stays open between friends. */
const acceptFriend: CrashedRule = {
  name: 'accept-friend',
  users,
  async operate(world) {
    const pair = asked.next()
    const [a, b] = pair
    const mirrored = [b, a] as const
    const isMutual = world.random.int(3) === 0
    await world.call(a, '/friend/add_friend', { fromUserID: a, toUserID: b, reqMsg: '', ex: '' })
    if (isMutual) await world.call(b, '/friend/add_friend', { fromUserID: b, toUserID: a, reqMsg: '', ex: '' })
    const answers: Promise<number | undefined>[] = [answer(world, pair, 1)]
    if (world.random.int(2) === 0) answers.push(answer(world, pair, 1))
    if (isMutual) answers.push(answer(world, mirrored, 1))
    const won = (await Promise.all(answers)).filter((code) => code === 0).length
    if (won > 1) asked.contradictions.push(`${won} answers to ${pair.join()} won`)
    if (won > 0) asked.accepted.add(pair)
  },
  async audit(world) {
    const wrong = asked.contradictions.splice(0)
    const friends = new Map<string, ReadonlySet<string>>()
    const requests = new Map<string, number>()
    for (const userID of users) {
      const api = world.client(userID)
      const list = await api.must<{ userIDs: string[] }>('/friend/get_full_friend_user_ids', { userID, idHash: 0 })
      friends.set(userID, new Set(list.data.userIDs))
      const pagination = { pageNumber: 1, showNumber: 10_000 }
      const received = await api.must<{ FriendRequests: Request[] }>('/friend/get_friend_apply_list', {
        userID,
        pagination,
      })
      for (const { fromUserID, toUserID, handleResult } of received.data.FriendRequests)
        requests.set([fromUserID, toUserID].join(), handleResult)
    }
    for (const pair of pairs.slice(0, asked.count)) {
      const [a, b] = pair
      const ways = [friends.get(a)!.has(b), friends.get(b)!.has(a)]
      const results = [requests.get([a, b].join()), requests.get([b, a].join())]
      const said = `${a} and ${b}: friends ${ways.join()}, requests ${results.join()}`
      if (ways[0] !== ways[1]) wrong.push(`half a friendship of ${said}`)
      if (asked.accepted.has(pair) && !ways[0]) wrong.push(`a confirmed friendship is gone: ${said}`)
      if (ways[0] && results.includes(0)) wrong.push(`a request is open between friends: ${said}`)
      if (results.includes(1) !== ways[0]) wrong.push(`request and friendship disagree: ${said}`)
    }
    return wrong
  },
  breakByHand(repositories) {
    const [ownerUserID, friendUserID] = [...asked.accepted][0]!
    return repositories.friends.delete({ ownerUserID, friendUserID })
  },
}

describe('kill -9 during a rule over several rows', () => {
  it(`accept-friend: both sides or neither, ${ruleKillRuns} runs`, () => killDuring(acceptFriend))
})
