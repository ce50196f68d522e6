import { isAdministrator, memberCountOf, roles } from '../model/groups.ts'
import type { ConversationItem, GroupItem, GroupMemberItem } from '../model/state.ts'
import type { PartProps } from './parts.ts'
import { Avatar } from './avatar.tsx'
import { Icon } from './icon.tsx'
import { moveFocus } from './keys.ts'
import { Menu, type MenuItem } from './menu.tsx'
import { friendActions } from './people-list.tsx'

const muteSeconds = 10 * 60
const mutedGroup = 3
const verifications = ['Approved or invited', 'Approved only', 'Anybody']
const roleNames: Readonly<Record<number, string>> = { [roles.owner]: 'Owner', [roles.admin]: 'Administrator' }

interface DetailsProps extends PartProps {
  readonly conversation: ConversationItem
}

/** Who is behind a conversation, and what can be done about it. */
export function Details(props: DetailsProps) {
  const { state, store, conversation } = props
  const { groupID, userID, showName } = conversation
  const group = state.groups?.find((one) => one.groupID === groupID)
  const friend = state.friends?.find((one) => one.userID === userID)
  return (
    <aside class="details" aria-label="Details">
      <header class="bar">
        <h2 class="grow">Details</h2>
        <button
          type="button"
          class="quiet round"
          aria-label="Close details"
          onClick={() => store.set({ isDetailsOpen: false })}
        >
          <Icon name="close" />
        </button>
      </header>
      <div class="scroll">
        <div class="portrait">
          <Avatar id={userID || groupID} name={showName} isGroup={groupID !== ''} isOnline={state.online[userID]} />
          <strong>{showName}</strong>
          <code>{userID || groupID}</code>
        </div>
        {groupID === '' && (
          <p class="actions">
            {friend === undefined ? (
              <span class="preview">Not one of your friends.</span>
            ) : (
              friendActions(props, friend).map(({ label, run }) => (
                <button key={label} type="button" onClick={run}>
                  {label}
                </button>
              ))
            )}
          </p>
        )}
        {groupID !== '' && group === undefined && <p class="empty">You are not in this group.</p>}
        {group !== undefined && <GroupDetails {...props} group={group} />}
      </div>
    </aside>
  )
}

interface GroupDetailsProps extends PartProps {
  readonly group: GroupItem
}

function GroupDetails(props: GroupDetailsProps) {
  const { state, store, chat, group } = props
  const { groupID } = group
  const members = state.members[groupID]
  const role = members?.find(({ userID }) => userID === state.self.userID)?.roleLevel ?? roles.member
  const isManager = isAdministrator(role)
  const ask = (title: string, label: string, value: string, run: (text: string) => void) => (): void =>
    store.set({ dialog: { kind: 'ask', title, label, value, action: 'Save', run } })
  const confirm = (title: string, text: string, action: string, run: () => void) => (): void =>
    store.set({ dialog: { kind: 'confirm', title, text, action, run } })
  return (
    <>
      {group.notification !== '' && <p class="notice-text">{group.notification}</p>}
      <p class="actions">
        <button type="button" onClick={() => store.set({ dialog: { kind: 'invite', groupID } })}>
          Invite
        </button>
        {isManager && (
          <>
            <button
              type="button"
              onClick={ask('Name the group', 'Name', group.groupName, (groupName) => {
                void chat.groups.change({ groupID, groupName })
              })}
            >
              Rename
            </button>
            <button
              type="button"
              onClick={ask('Post a notice', 'Notice for all members', group.notification, (notification) => {
                void chat.groups.change({ groupID, notification })
              })}
            >
              Notice
            </button>
            <button type="button" onClick={() => void chat.groups.mute(groupID, group.status !== mutedGroup)}>
              {group.status === mutedGroup ? 'Let all speak' : 'Mute all'}
            </button>
          </>
        )}
      </p>
      {isManager && (
        <label class="field">
          Who may join
          <select
            value={group.needVerification}
            onChange={(event) => {
              void chat.groups.change({ groupID, needVerification: Number(event.currentTarget.value) })
            }}
          >
            {verifications.map((label, value) => (
              <option key={label} value={value}>
                {label}
              </option>
            ))}
          </select>
        </label>
      )}
      <h3>{members === undefined ? 'Reading members…' : `Members (${memberCountOf(group, members)})`}</h3>
      <ul class="list" onKeyDown={moveFocus}>
        {(members ?? []).map((member) => (
          <Member key={member.userID} {...props} member={member} role={role} />
        ))}
      </ul>
      <p class="actions">
        {role === roles.owner ? (
          <button
            type="button"
            class="dangerous"
            onClick={confirm('Dissolve the group?', 'Nobody can write in it any more.', 'Dissolve', () => {
              void chat.groups.dismiss(groupID)
            })}
          >
            Dissolve group
          </button>
        ) : (
          <button
            type="button"
            class="dangerous"
            onClick={confirm('Leave the group?', 'You see no new messages of it.', 'Leave', () => {
              void chat.groups.quit(groupID)
            })}
          >
            Leave group
          </button>
        )}
      </p>
    </>
  )
}

interface MemberProps extends GroupDetailsProps {
  readonly member: GroupMemberItem
  /** What the one who looks may do. */
  readonly role: number
}

function Member({ state, chat, group: { groupID }, member, role }: MemberProps) {
  const { userID, nickname, roleLevel, muteEndTime } = member
  const isMuted = muteEndTime > Date.now()
  const isSelf = userID === state.self.userID
  const { groups } = chat
  const items: MenuItem[] = isSelf
    ? []
    : [{ label: 'Write to', run: () => void chat.conversations.openWith(userID, 1) }]
  if (isAdministrator(role) && role > roleLevel && !isSelf) {
    items.push(
      {
        label: isMuted ? 'Let speak' : 'Mute for 10 minutes',
        run: () => void groups.muteMember(groupID, userID, isMuted ? 0 : muteSeconds),
      },
      { label: 'Remove from the group', isDangerous: true, run: () => void groups.kick(groupID, userID) },
    )
  }
  if (role === roles.owner && !isSelf)
    items.push(
      roleLevel === roles.admin
        ? { label: 'Make an ordinary member', run: () => void groups.setRole(groupID, userID, roles.member) }
        : { label: 'Make an administrator', run: () => void groups.setRole(groupID, userID, roles.admin) },
      { label: 'Hand the group over', isDangerous: true, run: () => void groups.handOver(groupID, userID) },
    )
  return (
    <li class="row">
      <Avatar id={userID} name={nickname || userID} isOnline={state.online[userID]} isSmall />
      <span class="grow">
        <span class="name">
          {nickname || userID}
          {isSelf && ' (you)'}
        </span>
        <span class="preview">{[roleNames[roleLevel], isMuted ? 'muted' : ''].filter(Boolean).join(', ')}</span>
      </span>
      {items.length > 0 && <Menu label={`Actions for ${nickname || userID}`} items={items} />}
    </li>
  )
}
