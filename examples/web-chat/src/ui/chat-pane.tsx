import { useEffect, useRef } from 'preact/hooks'
import { memberCountOf } from '../model/groups.ts'
import type { ConversationItem } from '../model/state.ts'
import type { PartProps } from './parts.ts'
import { Avatar } from './avatar.tsx'
import { Composer } from './composer.tsx'
import { Details } from './details.tsx'
import { Icon } from './icon.tsx'
import { Menu, type MenuItem } from './menu.tsx'
import { ThreadView } from './thread.tsx'

/** The open conversation: who it is with, its messages, and where one writes. */
export function ChatPane(props: PartProps) {
  const { state, store, chat } = props
  const conversation = state.conversations?.find(({ conversationID }) => conversationID === state.openID)
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    // On a narrow screen the list is gone: whoever came by keyboard goes on here.
    if (conversation !== undefined && document.activeElement === document.body) heading.current?.focus()
  }, [conversation?.conversationID])
  if (conversation === undefined)
    return (
      <main class="pane">
        <div class="empty">
          <Icon name="chat" size={40} />
          <p>Choose a chat, or begin a new one.</p>
        </div>
      </main>
    )
  const { conversationID, showName, userID, groupID } = conversation
  return (
    <main
      class="pane"
      aria-label={`Chat with ${showName}`}
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || event.defaultPrevented) return
        if (state.isDetailsOpen) store.set({ isDetailsOpen: false })
        else chat.conversations.close()
      }}
    >
      <header class="bar">
        <button
          type="button"
          class="quiet round back"
          aria-label="Back to the chats"
          onClick={() => chat.conversations.close()}
        >
          <Icon name="back" />
        </button>
        <Avatar id={userID || groupID} name={showName} isGroup={groupID !== ''} isOnline={state.online[userID]} />
        <h2 class="grow" ref={heading} tabIndex={-1}>
          {showName || userID || groupID}
          <small aria-live="polite">{statusOf(props, conversation)}</small>
        </h2>
        <button
          type="button"
          class="quiet round"
          aria-label="Details"
          title="Details"
          aria-expanded={state.isDetailsOpen}
          onClick={() => {
            store.set({ isDetailsOpen: !state.isDetailsOpen })
            if (groupID !== '') void chat.groups.readMembers(groupID)
          }}
        >
          <Icon name="info" />
        </button>
        <Menu label="Chat actions" items={actionsOf(props, conversation)} />
      </header>
      <div class="body">
        <div class="column">
          <ThreadView key={conversationID} {...props} conversation={conversation} />
          <Composer key={`${conversationID} composer`} {...props} conversation={conversation} />
        </div>
        {state.isDetailsOpen && <Details {...props} conversation={conversation} />}
      </div>
    </main>
  )
}

function statusOf({ state }: PartProps, { conversationID, userID, groupID }: ConversationItem): string {
  if ((state.typing[conversationID] ?? []).length > 0) return 'typing…'
  if (groupID === '') return { true: 'online', false: 'offline' }[String(state.online[userID])] ?? ''
  const group = state.groups?.find((one) => one.groupID === groupID)
  if (group === undefined) return 'you are not in this group'
  const count = memberCountOf(group, state.members[groupID])
  return count === 1 ? '1 member' : `${count} members`
}

function actionsOf({ state, store, chat }: PartProps, conversation: ConversationItem): MenuItem[] {
  const { conversations, people } = chat
  const { userID, isPinned, recvMsgOpt, showName } = conversation
  const isStranger = userID !== '' && !(state.friends ?? []).some((friend) => friend.userID === userID)
  const isBlocked = state.blacks.some((black) => black.userID === userID)
  const befriend: MenuItem = {
    label: 'Add as a friend',
    run: () =>
      store.set({
        dialog: {
          kind: 'ask',
          title: `Ask ${showName} to be your friend`,
          label: 'A word of greeting',
          value: '',
          action: 'Ask',
          run: (text) => void people.apply(userID, text),
        },
      }),
  }
  const block: MenuItem = isBlocked
    ? { label: 'Unblock', run: () => void people.unblock(userID) }
    : { label: 'Block', isDangerous: true, run: () => void people.block(userID) }
  return [
    ...(isStranger ? [befriend] : []),
    { label: isPinned ? 'Unpin' : 'Pin to the top', run: () => void conversations.pin(conversation) },
    { label: recvMsgOpt === 0 ? 'Mute' : 'Unmute', run: () => void conversations.mute(conversation) },
    ...(userID === '' ? [] : [block]),
    {
      label: 'Clear messages',
      isDangerous: true,
      run: () =>
        store.set({
          dialog: {
            kind: 'confirm',
            title: 'Clear all messages?',
            text: 'They are deleted for you, on all your devices. Others keep them.',
            action: 'Clear',
            run: () => void conversations.clear(conversation),
          },
        }),
    },
    { label: 'Delete chat', isDangerous: true, run: () => void conversations.remove(conversation) },
  ]
}
