import type { Repositories, Together } from '@parlance/cached-repository'
import { blacks } from '../entities/black.ts'
import { conversations } from '../entities/conversation.ts'
import { credentials } from '../entities/credential.ts'
import { demoUsers } from '../entities/demo-user.ts'
import { friendRequests } from '../entities/friend-request.ts'
import { friends } from '../entities/friend.ts'
import { groupMembers } from '../entities/group-member.ts'
import { groupRequests } from '../entities/group-request.ts'
import { groups } from '../entities/group.ts'
import { hiddenMessages } from '../entities/hidden-messages.ts'
import { leases } from '../entities/lease.ts'
import { messageMarks } from '../entities/message-marks.ts'
import { messages } from '../entities/message.ts'
import { readMarks } from '../entities/read-mark.ts'
import { storedObjects } from '../entities/stored-object.ts'
import { uploads } from '../entities/upload.ts'
import { users } from '../entities/user.ts'

/** Every entity that the server declares. */
export const imEntities = [
  users,
  groups,
  groupMembers,
  groupRequests,
  conversations,
  friends,
  friendRequests,
  blacks,
  readMarks,
  credentials,
  messageMarks,
  hiddenMessages,
  demoUsers,
  leases,
  storedObjects,
  uploads,
] as const

/** Opens a repository for everything the server declares. */
export function imRepositories(repositories: Repositories) {
  return {
    users: repositories.of(users),
    groups: repositories.of(groups),
    groupMembers: repositories.of(groupMembers),
    groupRequests: repositories.of(groupRequests),
    conversations: repositories.of(conversations),
    friends: repositories.of(friends),
    friendRequests: repositories.of(friendRequests),
    blacks: repositories.of(blacks),
    readMarks: repositories.of(readMarks),
    credentials: repositories.of(credentials),
    messageMarks: repositories.of(messageMarks),
    hiddenMessages: repositories.of(hiddenMessages),
    demoUsers: repositories.of(demoUsers),
    leases: repositories.of(leases),
    storedObjects: repositories.of(storedObjects),
    uploads: repositories.of(uploads),
    messages: repositories.ofStream(messages),
    /** Writes to several of these entities, all or none. */
    together: (gather: (together: Together) => void) => repositories.together(gather),
    /** Resolves once what changed so far shows in the change lists of everybody concerned. */
    whenSpread: () => repositories.whenSpread(),
  }
}

/** The repositories of everything the server declares. */
export type ImRepositories = ReturnType<typeof imRepositories>
