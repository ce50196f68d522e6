import { roleLevels } from '@parlance/openim-protocol'
import { noPermission } from './refusals.ts'

/** What somebody is to a group; the server's administrator is that wherever else it belongs. */
export type GroupActor = 'appAdmin' | GroupTarget | 'outsider'

/** What a member is to a group. */
export type GroupTarget = 'owner' | 'admin' | 'member'

/** Whom something may be done to; `true` where it is done to the group itself. */
type Allowed = readonly GroupTarget[] | true

const belowOwner: Allowed = ['admin', 'member']
const ordinary: Allowed = ['member']
const leaders = { appAdmin: true, owner: true, admin: true } as const

/**
 * Who may do what in a group, and to whom; whoever is not named may not. The one place that says so.
 *
 * A muted member may do what a member may. Everybody may change the own nickname, face and ex.
 */
const groupPermissions = {
  invite: { ...leaders, member: true },
  /** Where invitations need approval. */
  inviteWithoutApproval: leaders,
  readRequests: leaders,
  answerRequest: leaders,
  setInfo: leaders,
  muteGroup: leaders,
  dismiss: { appAdmin: true, owner: true },
  /** The owner hands the group over first. */
  quit: { admin: true, member: true },
  /** To the next owner. */
  transfer: { appAdmin: belowOwner, owner: belowOwner },
  kick: { appAdmin: belowOwner, owner: belowOwner, admin: ordinary },
  mute: { appAdmin: belowOwner, owner: belowOwner, admin: ordinary },
  setRole: { appAdmin: belowOwner, owner: belowOwner },
  setProfile: { appAdmin: ['owner', ...belowOwner], owner: belowOwner, admin: ordinary },
} as const satisfies Readonly<Record<string, Partial<Readonly<Record<GroupActor, Allowed>>>>>

/** Something that is done in a group. */
export type GroupAction = keyof typeof groupPermissions

/** Whether the table lets this actor do it, to a member of that role where it is done to one. */
export function mayInGroup(action: GroupAction, actor: GroupActor, target?: GroupTarget): boolean {
  const allowed = (groupPermissions[action] as Partial<Record<GroupActor, Allowed>>)[actor]
  if (allowed === undefined) return false
  return allowed === true || (target !== undefined && allowed.includes(target))
}

/** @throws {@link ImError} 1002 when the table does not let this actor do it. */
export function requireInGroup(action: GroupAction, actor: GroupActor, target?: GroupTarget): void {
  if (mayInGroup(action, actor, target)) return
  const object = target === undefined ? '' : ` ${names[target]}`
  throw noPermission(`${names[actor]} may not ${words[action]}${object}`)
}

/** The role that a member's level stands for. */
export function targetOf(roleLevel: number): GroupTarget {
  if (roleLevel >= roleLevels.owner) return 'owner'
  return roleLevel >= roleLevels.admin ? 'admin' : 'member'
}

const names: Readonly<Record<GroupActor, string>> = {
  appAdmin: 'the administrator',
  owner: 'the owner of the group',
  admin: 'an admin of the group',
  member: 'an ordinary member of the group',
  outsider: 'who is not a member of the group',
}

const words: Readonly<Record<GroupAction, string>> = {
  invite: 'invite',
  inviteWithoutApproval: 'invite without approval',
  readRequests: 'read applications',
  answerRequest: 'answer applications',
  setInfo: 'change what the group says of itself',
  muteGroup: 'mute the group',
  dismiss: 'dismiss the group',
  quit: 'quit before the group has another owner',
  transfer: 'transfer the group to',
  kick: 'kick',
  mute: 'mute',
  setRole: 'set the role of',
  setProfile: 'change the name of',
}
