import { nameOf } from '../model/people.ts'
import type { FriendUserItem } from '../model/state.ts'
import type { PartProps } from './parts.ts'
import { Avatar } from './avatar.tsx'
import { moveFocus } from './keys.ts'
import { Menu } from './menu.tsx'
import { Section } from './rows.tsx'

const outcomes: Readonly<Record<number, string>> = { [-1]: 'Refused', 0: 'Waiting', 1: 'Accepted' }

/** Friend requests, friends, and who is blocked. */
export function PeopleList(props: PartProps) {
  const { state, store, chat } = props
  const { friends, blacks, received, sent } = state
  const open = received.filter(({ handleResult }) => handleResult === 0)
  const unanswered = sent.filter(({ handleResult }) => handleResult !== 1)
  if (friends === undefined) return <p class="empty">Reading friends…</p>
  return (
    <div onKeyDown={moveFocus}>
      {open.length > 0 && (
        <Section title="Friend requests">
          {open.map((request) => (
            <li key={request.fromUserID} class="row">
              <Avatar id={request.fromUserID} name={request.fromNickname} />
              <span class="grow">
                <span class="name">{request.fromNickname || request.fromUserID}</span>
                <span class="preview">{request.reqMsg || 'wants to be your friend'}</span>
                <span class="actions">
                  <button type="button" class="primary" onClick={() => void chat.people.accept(request)}>
                    Accept
                  </button>
                  <button type="button" onClick={() => void chat.people.refuse(request)}>
                    Refuse
                  </button>
                </span>
              </span>
            </li>
          ))}
        </Section>
      )}
      <Section title={`Friends (${friends.length})`}>
        {friends.length === 0 && (
          <li class="empty">
            <p>Nobody yet.</p>
            <button type="button" class="primary" onClick={() => store.set({ dialog: { kind: 'newChat' } })}>
              Find somebody
            </button>
          </li>
        )}
        {friends.map((friend, index) => (
          <Friend key={friend.userID} {...props} friend={friend} isFirst={index === 0} />
        ))}
      </Section>
      {unanswered.length > 0 && (
        <Section title="Requests you sent">
          {unanswered.map((request) => (
            <li key={request.toUserID} class="row">
              <Avatar id={request.toUserID} name={request.toNickname || request.toUserID} />
              <span class="grow">
                <span class="name">{request.toNickname || request.toUserID}</span>
                <span class="preview">{outcomes[request.handleResult]}</span>
              </span>
            </li>
          ))}
        </Section>
      )}
      {blacks.length > 0 && (
        <Section title="Blocked">
          {blacks.map(({ userID, nickname }) => (
            <li key={userID} class="row">
              <Avatar id={userID} name={nickname || userID} />
              <span class="grow name">{nickname || userID}</span>
              <button type="button" onClick={() => void chat.people.unblock(userID)}>
                Unblock
              </button>
            </li>
          ))}
        </Section>
      )}
    </div>
  )
}

interface FriendProps extends PartProps {
  readonly friend: FriendUserItem
  readonly isFirst: boolean
}

function Friend({ state, store, chat, friend, isFirst }: FriendProps) {
  const { userID } = friend
  const name = nameOf(friend)
  const isOnline = state.online[userID]
  return (
    <li class="row-and-menu">
      <button
        type="button"
        class="row"
        data-item
        tabIndex={isFirst ? 0 : -1}
        onClick={() => void chat.conversations.openWith(userID, 1)}
      >
        <Avatar id={userID} name={name} isOnline={isOnline} />
        <span class="grow">
          <span class="name">{name}</span>
          <span class="preview">{isOnline === true ? 'online' : userID}</span>
        </span>
      </button>
      <Menu label={`Actions for ${name}`} items={friendActions({ state, store, chat }, friend)} />
    </li>
  )
}

/** What can be done with a friend. */
export const friendActions = ({ store, chat }: PartProps, friend: FriendUserItem) => [
  {
    label: 'Give another name',
    run: () =>
      store.set({
        dialog: {
          kind: 'ask',
          title: `What do you call ${friend.nickname}?`,
          label: 'Name, for you only',
          value: friend.remark ?? '',
          action: 'Save',
          run: (text: string) => void chat.people.remark(friend.userID, text),
        },
      }),
  },
  { label: 'Block', isDangerous: true, run: () => void chat.people.block(friend.userID) },
  {
    label: 'Remove friend',
    isDangerous: true,
    run: () =>
      store.set({
        dialog: {
          kind: 'confirm',
          title: `Remove ${nameOf(friend)}?`,
          text: 'You are no longer friends. Your chat stays.',
          action: 'Remove',
          run: () => void chat.people.remove(friend.userID),
        },
      }),
  },
]
