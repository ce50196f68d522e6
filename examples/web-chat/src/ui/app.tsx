import type { Chat } from '../model/chat.ts'
import type { State } from '../model/state.ts'
import { ChatPane } from './chat-pane.tsx'
import { DialogPane } from './dialogs.tsx'
import { Icon } from './icon.tsx'
import { type PartProps, startOver } from './parts.ts'
import { Sidebar } from './sidebar.tsx'
import { SignIn } from './sign-in.tsx'

interface AppProps extends Omit<PartProps, 'chat'> {
  readonly chat: Chat | undefined
  readonly onSignIn: (name: string) => void
}

/** The whole page, as its state says. */
export function App({ state, store, chat, onSignIn }: AppProps) {
  const { stage } = state
  if (stage.kind === 'signIn') return <SignIn onSignIn={onSignIn} />
  if (stage.kind === 'failed' || stage.kind === 'elsewhere')
    return (
      <main class="card">
        <div role="alert">
          <h1>{stage.kind === 'failed' ? 'That did not work' : 'Signed out'}</h1>
          <p>{stage.reason}</p>
        </div>
        <p class="actions">
          <button type="button" class="primary" onClick={() => location.reload()}>
            {stage.kind === 'failed' ? 'Try again' : 'Sign in here'}
          </button>
          <button type="button" onClick={startOver}>
            Somebody else
          </button>
        </p>
      </main>
    )
  if (stage.kind === 'starting' || chat === undefined)
    return <Starting step={stage.kind === 'starting' ? stage.step : ''} />
  const parts = { state, store, chat }
  document.title = titleOf(state)
  return (
    <>
      <LinkBanner state={state} />
      <div class={`layout${state.openID === undefined ? '' : ' has-open'}`}>
        <Sidebar {...parts} />
        <ChatPane {...parts} />
      </div>
      <DialogPane {...parts} />
      <Notices state={state} store={store} />
    </>
  )
}

function titleOf({ conversations = [], self }: State): string {
  const unreadCount = conversations
    .filter(({ recvMsgOpt }) => recvMsgOpt === 0)
    .reduce((sum, conversation) => sum + conversation.unreadCount, 0)
  return `${unreadCount > 0 ? `(${unreadCount}) ` : ''}${self.nickname || self.userID} · Parlance`
}

/** The page before there is anything in it; in the same places, so that nothing jumps. */
const Starting = ({ step }: { readonly step: string }) => (
  <div class="layout starting" aria-busy="true">
    <div class="sidebar">
      <header class="bar">
        <span class="bone avatar" />
        <span class="bone line" />
      </header>
      <ul class="list">
        {[0, 1, 2, 3].map((row) => (
          <li key={row} class="row">
            <span class="bone avatar" />
            <span class="bone line" />
          </li>
        ))}
      </ul>
    </div>
    <main class="pane">
      <p class="empty" role="status">
        {step}
      </p>
    </main>
  </div>
)

/** Says that the connection is gone, and that it comes back by itself. */
function LinkBanner({ state: { link, isSyncing } }: Pick<PartProps, 'state'>) {
  const text =
    link === 'offline'
      ? 'The server does not answer. Trying again…'
      : link === 'connecting'
        ? 'Reconnecting…'
        : isSyncing
          ? 'Catching up…'
          : ''
  return (
    <p class={`banner${link === 'online' ? '' : ' shown'}`} role="status">
      {text}
    </p>
  )
}

const Notices = ({ state, store }: Pick<PartProps, 'state' | 'store'>) => (
  <div class="notices" role="log" aria-label="Notices" aria-live="assertive">
    {state.notices.map(({ id, text, isError }) => (
      <p key={id} class={isError ? 'notice error' : 'notice'}>
        <span>{text}</span>
        <button type="button" class="quiet round" aria-label="Dismiss" onClick={() => store.dismiss(id)}>
          <Icon name="close" size={16} />
        </button>
      </p>
    ))}
  </div>
)
