import { useEffect, useRef } from 'preact/hooks'
import type { ConversationItem } from '../model/state.ts'
import { textOf } from '../model/words.ts'
import type { PartProps } from './parts.ts'
import { Icon } from './icon.tsx'

/** Most characters of one message: far below what the server takes, in any script. */
const maxLength = 10_000

interface ComposerProps extends PartProps {
  readonly conversation: ConversationItem
}

/** Where one writes: Enter sends, Shift+Enter begins a line, Esc lets go of what is quoted. */
export function Composer({ state, store, chat, conversation }: ComposerProps) {
  const { conversationID, showName } = conversation
  const draft = state.drafts[conversationID] ?? ''
  const quoted = state.quoted[conversationID]
  const field = useRef<HTMLTextAreaElement>(null)
  useEffect(() => {
    if (matchMedia('(hover: hover)').matches) field.current?.focus({ preventScroll: true })
    return () => chat.threads.tellTyping(conversation, false)
  }, [])
  useEffect(() => {
    if (quoted !== undefined) field.current?.focus()
  }, [quoted])

  const send = (): void => {
    const text = draft.trim()
    if (text === '') return
    store.setEntry('drafts', conversationID, undefined)
    chat.threads.tellTyping(conversation, false)
    void chat.threads.sendText(conversation, text)
    field.current?.focus()
  }

  const letGo = (): void => store.setEntry('quoted', conversationID, undefined)
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault()
        send()
      }}
    >
      {quoted !== undefined && (
        <p class="quoting">
          <span class="grow">
            <strong>{quoted.senderNickname || quoted.sendID}</strong>
            <span>{textOf(quoted)}</span>
          </span>
          <button type="button" class="quiet round" aria-label="Do not quote" onClick={letGo}>
            <Icon name="close" size={16} />
          </button>
        </p>
      )}
      <textarea
        ref={field}
        rows={1}
        maxLength={maxLength}
        aria-label={`Message to ${showName}`}
        placeholder="Message"
        value={draft}
        onInput={(event) => {
          const text = event.currentTarget.value
          store.setEntry('drafts', conversationID, text === '' ? undefined : text)
          chat.threads.tellTyping(conversation, text !== '')
        }}
        onBlur={() => chat.threads.tellTyping(conversation, false)}
        onKeyDown={(event) => {
          if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
            event.preventDefault()
            send()
          } else if (event.key === 'Escape' && quoted !== undefined) {
            event.preventDefault()
            letGo()
          }
        }}
      />
      <button type="submit" class="primary round" aria-label="Send" disabled={draft.trim() === ''}>
        <Icon name="send" />
      </button>
    </form>
  )
}
