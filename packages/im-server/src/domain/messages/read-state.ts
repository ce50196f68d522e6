import { RowConflictError } from '@parlance/cached-repository'
import { contentTypes, conversationTypes, errorCodes } from '@parlance/openim-protocol'
import type { Caller } from '../caller.ts'
import { ImError } from '../im-error.ts'
import type { Notifications } from '../notifications.ts'
import type { ImRepositories } from '../repositories.ts'
import type { Addresses } from './addresses.ts'

/** A user has few devices: as many tries as could mark at the same moment. */
const maxAttempts = 20

/** How far users have read, and who is told of it. A read mark never goes back and never beyond the last message. */
export class ReadState {
  readonly #repositories: ImRepositories
  readonly #addresses: Addresses
  readonly #notifications: Notifications

  constructor(repositories: ImRepositories, addresses: Addresses, notifications: Notifications) {
    this.#repositories = repositories
    this.#addresses = addresses
    this.#notifications = notifications
  }

  /**
   * Moves the user's mark to `hasReadSeq` (0: as far as `seqs` go) and tells the peer of a single chat which messages were seen,
   * the user's own devices in a group. Silent: tells nobody.
   */
  async mark(
    caller: Caller,
    userID: string,
    conversationID: string,
    hasReadSeq: number,
    seqs: readonly number[],
    isSilent = false,
  ): Promise<void> {
    const address = await this.#addresses.find(userID, conversationID)
    if (address === undefined || address.isNotification)
      throw new ImError(errorCodes.NoPermissionError, `${userID} has no part in conversation ${conversationID}`)
    const [bounds] = await this.#repositories.messages.heads([address.stream])
    const readSeq = Math.min(bounds!.head, Math.max(hasReadSeq, ...seqs, 0))
    await this.#advance(userID, conversationID, readSeq)
    if (isSilent) return
    const row = await this.#repositories.conversations.get({ ownerUserID: userID, conversationID })
    const isSingle = row?.conversationType === conversationTypes.single && row.userID !== ''
    await this.#notifications.send({
      sendID: userID,
      to: { userID: isSingle ? row.userID : userID },
      contentType: contentTypes.hasReadReceipt,
      tips: {
        markAsReadUserID: userID,
        conversationID,
        seqs: seqs.filter((seq) => seq >= 1 && seq <= bounds!.head),
        hasReadSeq: readSeq,
      },
      operationID: caller.operationID,
      stored: isSingle && row.userID !== userID,
    })
  }

  async #advance(userID: string, conversationID: string, readSeq: number): Promise<void> {
    const { readMarks } = this.#repositories
    for (let attempt = 1; ; attempt++) {
      const key = { userID, conversationID }
      const current = await readMarks.getWithRevision(key, { read: attempt === 1 ? 'local' : 'store' })
      if (current !== undefined && current.row.readSeq >= readSeq) return
      try {
        if (current === undefined) await readMarks.insert({ ...key, readSeq })
        else await readMarks.patch(key, { readSeq }, { ifRevision: current.revision })
        return
      } catch (error) {
        // Another device of the user was quicker: look again, as the mark may be beyond ours now.
        if (!(error instanceof RowConflictError) || attempt === maxAttempts) throw error
      }
    }
  }
}
