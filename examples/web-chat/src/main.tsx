import { render } from 'preact'
import type { Chat } from './model/chat.ts'
import { openChat } from './model/session.ts'
import { Store } from './model/store.ts'
import { App } from './ui/app.tsx'
import './ui/style.css'

const store = new Store()
const root = document.getElementById('app')!
let chat: Chat | undefined

const open = async (name: string): Promise<void> => {
  const url = new URL(location.href)
  url.searchParams.set('user', name)
  history.replaceState(null, '', url)
  chat = await openChat(store, name)
  draw()
}

const draw = (): void =>
  render(<App state={store.state} store={store} chat={chat} onSignIn={(name) => void open(name)} />, root)

store.listen(draw)
draw()
const name = new URL(location.href).searchParams.get('user') ?? ''
if (name.trim() !== '') void open(name)
