import { Chat } from './chat.ts'
import { loadSdk, reasonOf } from './sdk.ts'
import type { Store } from './store.ts'

/** What an SDK logs in with. */
interface Session {
  readonly userID: string
  readonly platformID: number
  readonly token: string
  readonly apiAddr: string
  readonly wsAddr: string
}

/** The id that belongs to a name; `_` joins ids on OpenIM's wire, so none has one. */
export const idOf = (name: string): string =>
  name
    .trim()
    .toLowerCase()
    .replaceAll(/[\s_]+/g, '-')
    .slice(0, 64)

async function signInToDemo(name: string): Promise<Session> {
  const response = await fetch(new URL('demo/sign_in', document.baseURI), {
    method: 'POST',
    headers: { operationID: crypto.randomUUID(), 'content-type': 'application/json' },
    body: JSON.stringify({ userID: idOf(name), nickname: name.trim() }),
  }).catch(() => {
    throw new Error('The server does not answer. Is it running?')
  })
  if (response.status === 404)
    throw new Error('This server signs nobody in without a password: its demo is off (PARLANCE_DEMO).')
  const { errCode, errDlt, data } = (await response.json()) as {
    readonly errCode: number
    readonly errDlt: string
    readonly data?: Session
  }
  if (errCode !== 0 || data === undefined) throw new Error(errDlt)
  return data
}

/** Signs a demo user in and opens the chat; the page's only one until it is loaded anew. */
export async function openChat(store: Store, name: string): Promise<Chat | undefined> {
  store.set({
    stage: { kind: 'starting', step: 'Signing in…' },
    self: { userID: idOf(name), nickname: name.trim() },
  })
  try {
    const session = await signInToDemo(name)
    store.set({ stage: { kind: 'starting', step: 'Loading the client…' } })
    const chat = new Chat(await loadSdk(), store, session.userID)
    store.set({ stage: { kind: 'starting', step: 'Connecting…' } })
    await chat.logIn(session)
    return chat
  } catch (error) {
    store.set({ stage: { kind: 'failed', reason: reasonOf(error) } })
    return undefined
  }
}
