import type { Chat } from '../model/chat.ts'
import type { State } from '../model/state.ts'
import type { Store } from '../model/store.ts'

/** What every part of the page gets. */
export interface PartProps {
  readonly state: State
  readonly store: Store
  readonly chat: Chat
}

/** Leaves the chat; a fresh page can sign somebody else in. */
export const startOver = (): void => location.assign(new URL('chat.html', document.baseURI))
