import { singleConversationID } from '@parlance/openim-protocol'
import { describe, it } from 'vitest'
import { singleAddress } from '../src/domain/messages/address.ts'
import { type CrashedRule, type CrashWorld, killDuring, ruleKillRuns } from './support/rule-crash.ts'

const users = ['u0', 'u1', 'u2', 'u3']

const send = (world: CrashWorld, sendID: string, recvID: string) =>
  world.admin.must('/msg/send_msg', {
    sendID,
    recvID,
    content: { content: 'hello' },
    contentType: 101,
    sessionType: 1,
  })

const pairs = users.flatMap((one, at) => users.slice(at + 1).map((other) => [one, other] as const))

/** Both sides of a chat say the same of its privacy. */
const privateChat: CrashedRule = {
  name: 'private-chat',
  users,
  async prepare(world) {
    for (const [one, other] of pairs) await send(world, one, other)
  },
  async operate(world) {
    const [one, other] = world.random.pick(pairs)
    const [userID, peer] = world.random.int(2) === 0 ? [one, other] : [other, one]
    const conversation = {
      conversationID: singleConversationID(one, other),
      conversationType: 1,
      userID: peer,
      isPrivateChat: world.random.int(2) === 0,
    }
    const answer = await world.call(userID, '/conversation/set_conversations', { userIDs: [userID], conversation })
    if (answer !== undefined && answer.errCode !== 0) throw new Error(JSON.stringify(answer))
  },
  async audit(world) {
    const wrong: string[] = []
    for (const [one, other] of pairs) {
      const conversationID = singleConversationID(one, other)
      const [mine, theirs] = await Promise.all(
        [one, other].map(async (ownerUserID) => {
          const path = '/conversation/get_conversation'
          const { data } = await world
            .client(ownerUserID)
            .must<{ conversation: { isPrivateChat: boolean } }>(path, { ownerUserID, conversationID })
          return data.conversation.isPrivateChat
        }),
      )
      if (mine !== theirs) wrong.push(`${conversationID} is ${mine} for ${one} and ${theirs} for ${other}`)
    }
    return wrong
  },
  async breakByHand({ conversations }) {
    const [one, other] = pairs[0]!
    const key = { ownerUserID: one, conversationID: singleConversationID(one, other) }
    await conversations.patch(key, { isPrivateChat: !(await conversations.require(key)).isPrivateChat })
  },
}

const requestCount = 60
const strideOfBlocks = 64
const confirmed = new Set<number>()
const seqsOf = (request: number): readonly number[] => [0, 1, 2].map((block) => request + 1 + block * strideOfBlocks)

/** The messages that one request names, in three blocks, are all deleted or none of them is. */
const deleteMessages: CrashedRule = {
  name: 'delete-messages',
  users,
  async prepare(world) {
    for (let count = 0; count < 3 * strideOfBlocks; count++) await send(world, 'u0', 'u1')
  },
  async operate(world) {
    const request = world.random.int(requestCount)
    const body = { userID: 'u1', conversationID: singleConversationID('u0', 'u1'), seqs: seqsOf(request) }
    const answer = await world.call('u1', '/msg/delete_msgs', body)
    // Losing to the others every time is answered with 1801: nothing was deleted then.
    if (answer?.errCode === 0) confirmed.add(request)
    else if (answer !== undefined && answer.errCode !== 1801) throw new Error(JSON.stringify(answer))
  },
  async audit(world) {
    const conversationID = singleConversationID('u0', 'u1')
    const { data } = await world
      .client('u1')
      .must<{ msgs: Record<string, { Msgs: { seq: number; status: number }[] }> }>('/msg/pull_msg_by_seq', {
        userID: 'u1',
        seqRanges: [{ conversationID, begin: 1, end: 3 * strideOfBlocks, num: 0 }],
      })
    const gone = new Set(data.msgs[conversationID]!.Msgs.filter(({ status }) => status === 4).map(({ seq }) => seq))
    const wrong: string[] = []
    for (let request = 0; request < requestCount; request++) {
      const count = seqsOf(request).filter((seq) => gone.has(seq)).length
      if (count !== 0 && count !== 3) wrong.push(`${count} of 3 messages of request ${request} are deleted`)
      if (confirmed.has(request) && count !== 3) wrong.push(`request ${request} was confirmed and is gone`)
    }
    return wrong
  },
  breakByHand: ({ hiddenMessages }) =>
    hiddenMessages.delete({ userID: 'u1', stream: singleAddress('u0', 'u1').stream, block: 1 }),
}

describe('kill -9 while conversations are set and messages deleted', () => {
  it(`private-chat: both sides or none, ${ruleKillRuns} runs`, () => killDuring(privateChat))
  it(`delete-messages: all of a request or nothing, ${ruleKillRuns} runs`, () => killDuring(deleteMessages))
})
