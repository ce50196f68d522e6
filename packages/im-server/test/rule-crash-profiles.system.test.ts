import { until } from '@parlance/testing'
import { describe, it } from 'vitest'
import { GroupMirror } from './support/group-mirror.ts'
import { ListMirror } from './support/list-mirror.ts'
import { type CrashedRule, type CrashWorld, killDuring, ruleKillRuns } from './support/rule-crash.ts'

const users = Array.from({ length: 30 }, (_, at) => `u${at}`)
const groupID = 'everybody'

interface Friend {
  readonly friendUser: { readonly userID: string; readonly nickname: string }
}

/** What one user's client knows, from what it was told to have changed. */
interface Followed {
  readonly friends: ListMirror<Friend>
  readonly groups: GroupMirror
}

const followed = new Map<string, Followed>()
/** The names a user can have: the last confirmed one, and the one that the server died over. */
const names = new Map<string, Set<string>>()
const renaming = new Set<string>()
let renamed = 0

const newsIsSpread = async ({ server }: CrashWorld): Promise<boolean> => {
  const text = await (await fetch(`${server.api}/metrics`)).text()
  return text.split('\n').includes('parlance_repository_spreads_waiting 0')
}

/** A name reaches every list that shows it, also when the server dies right behind the answer. */
const changeProfile: CrashedRule = {
  name: 'profile-change',
  users,
  async prepare(world) {
    const [ownerUserID, ...others] = users
    for (const [at, userID] of users.entries()) {
      const friendUserIDs = users.slice(at + 1)
      if (friendUserIDs.length > 0)
        await world.admin.must('/friend/import_friend', { ownerUserID: userID, friendUserIDs })
    }
    const groupInfo = { groupID, groupName: 'all', groupType: 2 }
    await world.admin.must('/group/create_group', { ownerUserID, memberUserIDs: others, adminUserIDs: [], groupInfo })
    for (const userID of users) {
      const api = world.client(userID)
      const friends = new ListMirror<Friend>(api, userID, {
        incremental: '/friend/get_incremental_friends',
        whole: '/friend/get_friend_list',
        entriesOf: (answer) => answer['friendsInfo'] as Friend[],
        idOf: ({ friendUser }) => friendUser.userID,
      })
      const groups = new GroupMirror(api, userID)
      await Promise.all([friends.sync(), groups.sync()])
      followed.set(userID, { friends, groups })
    }
  },
  async operate(world) {
    const userID = world.random.pick(users.filter((one) => !renaming.has(one)))
    renaming.add(userID)
    const nickname = `name ${++renamed}`
    const possible = names.get(userID) ?? new Set([`name of ${userID}`])
    names.set(userID, possible.add(nickname))
    const answer = await world.call(userID, '/user/update_user_info_ex', { userInfo: { userID, nickname } })
    if (answer?.errCode === 0) names.set(userID, new Set([nickname]))
    renaming.delete(userID)
  },
  async audit(world) {
    const wrong: string[] = []
    await until('the news is spread', () => newsIsSpread(world), 30_000)
    const { data } = await world.admin.must<{ usersInfo: { userID: string; nickname: string }[] }>(
      '/user/get_users_info',
      { userIDs: users },
    )
    const now = new Map(data.usersInfo.map(({ userID, nickname }) => [userID, nickname]))
    for (const [userID, possible] of names)
      if (!possible.has(now.get(userID)!))
        wrong.push(`${userID} is called ${now.get(userID)}, not ${[...possible].join()}`)
    for (const [userID, { friends, groups }] of followed) {
      for (const [id, { friendUser }] of await friends.sync())
        if (friendUser.nickname !== now.get(id))
          wrong.push(`${userID} was told that ${id} is ${friendUser.nickname}, not ${now.get(id)}`)
      const [told, whole] = [await groups.sync(), await groups.fromZero()]
      if (JSON.stringify(told) !== JSON.stringify(whole)) wrong.push(`${userID} knows other members of its group`)
      for (const name of now.values())
        if (!told[groupID]!.some((member) => member.endsWith(` ${name}`)))
          wrong.push(`${userID} finds no ${name} in its group`)
    }
    return wrong
  },
  breakByHand: (repositories) => repositories.users.patch({ userID: 'u0' }, { nickname: 'another' }),
}

describe('kill -9 while profiles change', () => {
  it(`every list follows, ${ruleKillRuns} runs`, () => killDuring(changeProfile))
})
