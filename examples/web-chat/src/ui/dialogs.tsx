import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { nameOf } from '../model/people.ts'
import { idOf } from '../model/session.ts'
import type { Dialog, GroupItem, Person } from '../model/state.ts'
import type { PartProps } from './parts.ts'
import { Avatar } from './avatar.tsx'
import { Icon } from './icon.tsx'

const maxNameLength = 60
const maxTextLength = 500

/** What lies above the page; the browser keeps the focus in it, and Esc closes it. */
export function DialogPane(props: PartProps) {
  const { dialog } = props.state
  if (dialog === undefined) return null
  const key = JSON.stringify(dialog)
  switch (dialog.kind) {
    case 'newChat':
      return <NewChat key={key} {...props} />
    case 'newGroup':
      return <ChoosePeople key={key} {...props} groupID={undefined} />
    case 'invite':
      return <ChoosePeople key={key} {...props} groupID={dialog.groupID} />
    case 'profile':
      return (
        <Ask
          key={key}
          {...props}
          title="What is your name?"
          label="Name"
          value={props.state.self.nickname}
          action="Save"
          run={(text) => void props.chat.rename(text)}
        />
      )
    case 'ask':
      return <Ask key={key} {...props} {...dialog} />
    case 'confirm':
      return <Confirm key={key} {...props} {...dialog} />
  }
}

interface FrameProps extends Pick<PartProps, 'store'> {
  readonly title: string
  readonly children: ComponentChildren
}

function Frame({ store, title, children }: FrameProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    const before = document.activeElement
    dialog.current!.showModal()
    return () => {
      // Unless the focus went on to what the dialog opened.
      const isLost = document.activeElement === null || document.activeElement === document.body
      if (isLost && before instanceof HTMLElement && before.isConnected) before.focus()
    }
  }, [])
  const close = (): void => store.set({ dialog: undefined })
  return (
    <dialog
      ref={dialog}
      aria-label={title}
      onClose={close}
      onClick={(event) => {
        if (event.target === dialog.current) close()
      }}
    >
      <div class="frame">
        <header class="bar">
          <h2 class="grow">{title}</h2>
          <button type="button" class="quiet round" aria-label="Close" onClick={close}>
            <Icon name="close" />
          </button>
        </header>
        {children}
      </div>
    </dialog>
  )
}

type AskProps = Omit<Extract<Dialog, { kind: 'ask' }>, 'kind'> & Pick<PartProps, 'store'>

function Ask({ store, title, label, value, action, run }: AskProps) {
  const [text, setText] = useState(value)
  return (
    <Frame store={store} title={title}>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          store.set({ dialog: undefined })
          run(text.trim())
        }}
      >
        <label class="field">
          {label}
          <input
            autoFocus
            maxLength={maxTextLength}
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </label>
        <p class="actions end">
          <button type="submit" class="primary">
            {action}
          </button>
        </p>
      </form>
    </Frame>
  )
}

type ConfirmProps = Omit<Extract<Dialog, { kind: 'confirm' }>, 'kind'> & Pick<PartProps, 'store'>

const Confirm = ({ store, title, text, action, run }: ConfirmProps) => (
  <Frame store={store} title={title}>
    <p>{text}</p>
    <p class="actions end">
      <button type="button" onClick={() => store.set({ dialog: undefined })}>
        Keep
      </button>
      <button
        type="button"
        class="dangerous"
        autoFocus
        onClick={() => {
          store.set({ dialog: undefined })
          run()
        }}
      >
        {action}
      </button>
    </p>
  </Frame>
)

type Found =
  | { readonly kind: 'person'; readonly person: Person }
  | { readonly kind: 'group'; readonly group: GroupItem }
  | { readonly kind: 'nobody' }

/** Finds a person or a group by id: to write, to befriend, to join. */
function NewChat({ state, store, chat }: PartProps) {
  const [text, setText] = useState('')
  const [found, setFound] = useState<Found>()
  const [isSearching, setSearching] = useState(false)
  const friends = state.friends ?? []

  const search = async (): Promise<void> => {
    const id = text.trim()
    if (id === '') return
    setSearching(true)
    await store.attempt('Nobody was found', async () => {
      const person = (await chat.people.find(id)) ?? (await chat.people.find(idOf(id)))
      const group = person === undefined && /^\d+$/.test(id) ? await chat.groups.find(id) : undefined
      setFound(
        person !== undefined
          ? { kind: 'person', person }
          : group !== undefined
            ? { kind: 'group', group }
            : { kind: 'nobody' },
      )
    })
    setSearching(false)
  }

  return (
    <Frame store={store} title="New chat">
      <form
        class="field-and-button"
        onSubmit={(event) => {
          event.preventDefault()
          void search()
        }}
      >
        <label>
          <span class="hidden">Name of a person, or number of a group</span>
          <input
            autoFocus
            maxLength={maxNameLength}
            placeholder="Name of a person, or number of a group"
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </label>
        <button type="submit" class="primary" disabled={isSearching}>
          Find
        </button>
      </form>
      <div aria-live="polite">
        {found?.kind === 'nobody' && <p class="empty">Nobody has this name or number.</p>}
        {found?.kind === 'person' && (
          <FoundPerson
            person={found.person}
            isFriend={friends.some(({ userID }) => userID === found.person.userID)}
            onWrite={() => void chat.conversations.openWith(found.person.userID, 1)}
            onBefriend={(greeting) => {
              store.set({ dialog: undefined })
              void chat.people.apply(found.person.userID, greeting)
            }}
          />
        )}
        {found?.kind === 'group' && (
          <div class="row">
            <Avatar id={found.group.groupID} name={found.group.groupName} isGroup />
            <span class="grow">
              <span class="name">{found.group.groupName}</span>
              <span class="preview">{found.group.memberCount} members</span>
            </span>
            <button
              type="button"
              class="primary"
              onClick={() => {
                store.set({ dialog: undefined })
                void chat.groups.join(found.group.groupID, '')
              }}
            >
              Join
            </button>
          </div>
        )}
      </div>
      {friends.length > 0 && (
        <ul class="list" aria-label="Friends">
          {friends.map((friend) => (
            <li key={friend.userID}>
              <button type="button" class="row" onClick={() => void chat.conversations.openWith(friend.userID, 1)}>
                <Avatar id={friend.userID} name={nameOf(friend)} isOnline={state.online[friend.userID]} />
                <span class="grow name">{nameOf(friend)}</span>
              </button>
            </li>
          ))}
        </ul>
      )}
    </Frame>
  )
}

interface FoundPersonProps {
  readonly person: Person
  readonly isFriend: boolean
  readonly onWrite: () => void
  readonly onBefriend: (greeting: string) => void
}

function FoundPerson({ person: { userID, nickname }, isFriend, onWrite, onBefriend }: FoundPersonProps) {
  const [greeting, setGreeting] = useState('')
  return (
    <>
      <div class="row">
        <Avatar id={userID} name={nickname || userID} />
        <span class="grow">
          <span class="name">{nickname || userID}</span>
          <span class="preview">{userID}</span>
        </span>
        <button type="button" class="primary" onClick={onWrite}>
          Write
        </button>
      </div>
      {!isFriend && (
        <form
          class="field-and-button"
          onSubmit={(event) => {
            event.preventDefault()
            onBefriend(greeting)
          }}
        >
          <label>
            <span class="hidden">A word of greeting</span>
            <input
              maxLength={maxTextLength}
              placeholder="A word of greeting"
              value={greeting}
              onInput={(event) => setGreeting(event.currentTarget.value)}
            />
          </label>
          <button type="submit">Add as a friend</button>
        </form>
      )}
    </>
  )
}

interface ChoosePeopleProps extends PartProps {
  /** The group they are invited to; a new one when undefined. */
  readonly groupID: string | undefined
}

/** Chooses people for a new group, or for one that is there. */
function ChoosePeople({ state, store, chat, groupID }: ChoosePeopleProps) {
  const [name, setName] = useState('')
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set())
  const inGroup = new Set((groupID === undefined ? [] : (state.members[groupID] ?? [])).map(({ userID }) => userID))
  const people = acquaintances(state).filter(({ userID }) => !inGroup.has(userID))
  const isNew = groupID === undefined

  const finish = async (): Promise<void> => {
    store.set({ dialog: undefined })
    if (!isNew) return void (await chat.groups.invite(groupID, [...chosen]))
    const newID = await chat.groups.create(name.trim(), [...chosen])
    if (newID !== undefined) await chat.conversations.openWith(newID, 3)
  }

  const toggle = (userID: string): void => {
    const next = new Set(chosen)
    if (!next.delete(userID)) next.add(userID)
    setChosen(next)
  }

  return (
    <Frame store={store} title={isNew ? 'New group' : 'Invite people'}>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          void finish()
        }}
      >
        {isNew && (
          <label class="field">
            Name of the group
            <input
              autoFocus
              required
              maxLength={maxNameLength}
              value={name}
              onInput={(event) => setName(event.currentTarget.value)}
            />
          </label>
        )}
        {people.length === 0 && <p class="empty">You know nobody else yet: find somebody, and write first.</p>}
        <ul class="list">
          {people.map(({ userID, nickname }) => (
            <li key={userID}>
              <label class="row">
                <input type="checkbox" checked={chosen.has(userID)} onChange={() => toggle(userID)} />
                <Avatar id={userID} name={nickname} isSmall />
                <span class="grow name">{nickname}</span>
              </label>
            </li>
          ))}
        </ul>
        <p class="actions end">
          <button type="submit" class="primary" disabled={chosen.size === 0}>
            {isNew ? 'Make the group' : 'Invite'}
          </button>
        </p>
      </form>
    </Frame>
  )
}

/** Friends, and whoever this user has a chat with. */
function acquaintances({ friends = [], conversations = [] }: PartProps['state']): readonly Person[] {
  const people = new Map<string, Person>()
  for (const { userID, showName } of conversations)
    if (userID !== '') people.set(userID, { userID, nickname: showName || userID })
  for (const friend of friends) people.set(friend.userID, { userID: friend.userID, nickname: nameOf(friend) })
  return [...people.values()].toSorted((a, b) => a.nickname.localeCompare(b.nickname))
}
