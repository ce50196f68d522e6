import type { Friend } from '../entities/friend.ts'

/** A row for a friend of whom the owner has set nothing yet. */
export const newFriend = (
  of: Pick<Friend, 'ownerUserID' | 'friendUserID' | 'createTime' | 'addSource' | 'operatorUserID'>,
): Friend => ({ ...of, remark: '', ex: '', isPinned: false })
