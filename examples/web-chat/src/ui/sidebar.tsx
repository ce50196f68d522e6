import type { Tab } from '../model/state.ts'
import { Avatar } from './avatar.tsx'
import { ConversationList } from './conversation-list.tsx'
import { GroupList } from './group-list.tsx'
import { moveAcross } from './keys.ts'
import { Menu } from './menu.tsx'
import { type PartProps, startOver } from './parts.ts'
import { PeopleList } from './people-list.tsx'
import { Count } from './rows.tsx'

const tabs: readonly (readonly [Tab, string])[] = [
  ['chats', 'Chats'],
  ['people', 'People'],
  ['groups', 'Groups'],
]

/** Who is signed in, and the lists to choose from. */
export function Sidebar(props: PartProps) {
  const { state, store, chat } = props
  const { self, tab } = state
  const countOf: Readonly<Record<Tab, number>> = {
    chats: (state.conversations ?? []).reduce((sum, { unreadCount }) => sum + unreadCount, 0),
    people: state.received.filter(({ handleResult }) => handleResult === 0).length,
    groups: state.groupReceived.filter(({ handleResult }) => handleResult === 0).length,
  }
  return (
    <nav class="sidebar" aria-label="Chats and people">
      <header class="bar">
        <Avatar id={self.userID} name={self.nickname || self.userID} isOnline={state.link === 'online'} />
        <h1 class="grow">
          {self.nickname || self.userID}
          <small>{self.userID}</small>
        </h1>
        <Menu
          label="New"
          icon="plus"
          items={[
            { label: 'New chat', run: () => store.set({ dialog: { kind: 'newChat' } }) },
            { label: 'New group', run: () => store.set({ dialog: { kind: 'newGroup' } }) },
          ]}
        />
        <Menu
          label="Account"
          items={[
            { label: 'Change your name', run: () => store.set({ dialog: { kind: 'profile' } }) },
            {
              label: 'Open as another user in a new window',
              run: () => window.open(new URL('chat.html', document.baseURI), '_blank', 'noopener'),
            },
            { label: 'Sign out', run: () => void chat.logOut().then(startOver) },
          ]}
        />
      </header>
      <div class="tabs" role="tablist" aria-label="Lists" onKeyDown={moveAcross}>
        {tabs.map(([key, label]) => (
          <button
            key={key}
            type="button"
            role="tab"
            id={`tab-${key}`}
            aria-selected={tab === key}
            aria-controls="list"
            tabIndex={tab === key ? 0 : -1}
            onClick={() => store.set({ tab: key })}
          >
            {label}
            {countOf[key] > 0 && <Count count={countOf[key]} />}
          </button>
        ))}
      </div>
      <div class="scroll" id="list" role="tabpanel" aria-labelledby={`tab-${tab}`}>
        {tab === 'chats' && <ConversationList {...props} />}
        {tab === 'people' && <PeopleList {...props} />}
        {tab === 'groups' && <GroupList {...props} />}
      </div>
    </nav>
  )
}
