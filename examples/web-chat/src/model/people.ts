import type { Context } from './chat.ts'
import type { Presence } from './presence.ts'
import { orNothing } from './sdk.ts'
import type { FriendApplicationItem, Person } from './state.ts'

const pageCount = 200
const all = { offset: 0, count: pageCount }

/** Friends, applications to become one, and who is blocked. */
export class People {
  readonly #context: Context
  readonly #presence: Presence

  constructor(context: Context, presence: Presence) {
    this.#context = context
    this.#presence = presence
  }

  async read(): Promise<void> {
    const { sdk, store } = this.#context
    await store.attempt('Friends could not be read', async () => {
      const friends = (await sdk.getFriendList(false)).data ?? []
      store.set({ friends: friends.toSorted((a, b) => nameOf(a).localeCompare(nameOf(b))) })
      void this.#presence.watch(friends.map(({ userID }) => userID))
    })
    await store.attempt('Blocked people could not be read', async () =>
      store.set({ blacks: (await sdk.getBlackList()).data ?? [] }),
    )
    await store.attempt('Friend requests could not be read', async () => {
      const received = await sdk.getFriendApplicationListAsRecipient({ ...all, handleResults: [] })
      const sent = await sdk.getFriendApplicationListAsApplicant(all)
      store.set({ received: received.data ?? [], sent: sent.data ?? [] })
    })
  }

  /** Who has this id; undefined when nobody does. */
  find(userID: string): Promise<Person | undefined> {
    return orNothing(this.#context.sdk.getUsersInfo([userID]))
  }

  apply(toUserID: string, reqMsg: string): Promise<boolean> {
    return this.#do('The request was not sent', (sdk) => sdk.addFriend({ toUserID, reqMsg }), 'Friend request sent.')
  }

  accept({ fromUserID }: FriendApplicationItem): Promise<boolean> {
    return this.#do('The request was not accepted', (sdk) =>
      sdk.acceptFriendApplication({ toUserID: fromUserID, handleMsg: '' }),
    )
  }

  refuse({ fromUserID }: FriendApplicationItem): Promise<boolean> {
    return this.#do('The request was not refused', (sdk) =>
      sdk.refuseFriendApplication({ toUserID: fromUserID, handleMsg: '' }),
    )
  }

  remark(userID: string, remark: string): Promise<boolean> {
    return this.#do('The name was not changed', (sdk) => sdk.updateFriends({ friendUserIDs: [userID], remark }))
  }

  remove(userID: string): Promise<boolean> {
    return this.#do('The friend was not removed', (sdk) => sdk.deleteFriend(userID))
  }

  block(userID: string): Promise<boolean> {
    return this.#do('Nobody was blocked', (sdk) => sdk.addBlack({ toUserID: userID, ex: '' }))
  }

  unblock(userID: string): Promise<boolean> {
    return this.#do('Nobody was unblocked', (sdk) => sdk.removeBlack(userID))
  }

  async #do(what: string, work: (sdk: Context['sdk']) => Promise<unknown>, done?: string): Promise<boolean> {
    const isDone = await this.#context.store.attempt(what, () => work(this.#context.sdk), done)
    await this.read()
    return isDone
  }
}

/** What a friend is called here. */
export const nameOf = ({ remark, nickname, userID }: { remark?: string; nickname: string; userID: string }): string =>
  (remark ?? '') || nickname || userID
