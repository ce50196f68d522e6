import { RowConflictError } from '@parlance/cached-repository'
import type { Count } from '@parlance/core'
import { contentTypes, conversationTypes, errorCodes } from '@parlance/openim-protocol'
import type { Caller } from '../caller.ts'
import { ImError } from '../im-error.ts'
import type { Notifications } from '../notifications.ts'
import type { ImRepositories } from '../repositories.ts'
import type { Addresses } from './addresses.ts'

/** A user has few devices: as many tries as could mark at the same moment. */
const maxAttempts = 20
/** Most seqs one receipt names: the newest that were read. */
const maxToldSeqs: Count = 1_000

/** What a receipt says was read. */
interface ReadSeqs {
  readonly conversationID: string
  readonly seqs: readonly number[]
  readonly hasReadSeq: number
}

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
   * the user's own devices in a group. What the mark had passed before counts as seen: a mark that does not move is told to nobody.
   *
   * Told first, then moved: after a failure in between, a repeat tells again.
   *
   * @param isSilent - tells nobody.
   * @throws {@link ImError} 1002 for a conversation the user has no part in.
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
    const { messages, readMarks } = this.#repositories
    const [[bounds], mark] = await Promise.all([
      messages.heads([address.stream]),
      readMarks.get({ userID, conversationID }),
    ])
    const lastSeq = Math.min(bounds!.head, address.maxSeq)
    const readSeq = Math.min(lastSeq, Math.max(hasReadSeq, ...seqs, 0))
    const seenSeq = mark?.readSeq ?? 0
    if (readSeq <= seenSeq) return
    if (!isSilent) {
      const newSeqs = [...new Set(seqs)].filter((seq) => seq > seenSeq && seq <= lastSeq).toSorted((a, b) => a - b)
      await this.#tell(caller, userID, { conversationID, seqs: newSeqs.slice(-maxToldSeqs), hasReadSeq: readSeq })
    }
    await this.#advance(userID, conversationID, readSeq)
  }

  async #tell(caller: Caller, userID: string, read: ReadSeqs): Promise<void> {
    const { conversationID } = read
    const row = await this.#repositories.conversations.get({ ownerUserID: userID, conversationID })
    const isSingle = row?.conversationType === conversationTypes.single && row.userID !== ''
    await this.#notifications.send({
      sendID: userID,
      to: { userID: isSingle ? row.userID : userID },
      contentType: contentTypes.hasReadReceipt,
      tips: { markAsReadUserID: userID, ...read },
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
