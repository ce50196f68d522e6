import type { ConversationItem } from '../model/state.ts'
import { momentOf, previewOf } from '../model/words.ts'
import type { PartProps } from './parts.ts'
import { Avatar } from './avatar.tsx'
import { Icon } from './icon.tsx'
import { moveFocus } from './keys.ts'
import { Count } from './rows.tsx'
import { demoNames } from './sign-in.tsx'

/** Every conversation, the newest first. */
export function ConversationList({ state, store, chat }: PartProps) {
  const { conversations = [], openID, self } = state
  if (conversations.length === 0) {
    const name = demoNames.find((demoName) => demoName.toLowerCase() !== self.userID)!
    return (
      <div class="empty">
        <p>No chats yet.</p>
        <p class="actions">
          <button type="button" onClick={() => void chat.conversations.openWith(name.toLowerCase(), 1)}>
            Write to {name}
          </button>
          <button type="button" class="primary" onClick={() => store.set({ dialog: { kind: 'newChat' } })}>
            New chat
          </button>
        </p>
      </div>
    )
  }
  const isOpenListed = conversations.some(({ conversationID }) => conversationID === openID)
  return (
    <ul class="list" aria-label="Chats" onKeyDown={moveFocus}>
      {conversations.map((conversation, index) => (
        <Row
          key={conversation.conversationID}
          conversation={conversation}
          isOpen={conversation.conversationID === openID}
          isFirst={isOpenListed ? conversation.conversationID === openID : index === 0}
          isOnline={state.online[conversation.userID]}
          typing={state.typing[conversation.conversationID] ?? []}
          selfID={self.userID}
          draft={state.drafts[conversation.conversationID]}
          onOpen={() => void chat.conversations.open(conversation.conversationID)}
        />
      ))}
    </ul>
  )
}

interface RowProps {
  readonly conversation: ConversationItem
  readonly isOpen: boolean
  readonly isFirst: boolean
  readonly isOnline: boolean | undefined
  readonly typing: readonly string[]
  readonly selfID: string
  readonly draft: string | undefined
  readonly onOpen: () => void
}

function Row({ conversation, isOpen, isFirst, isOnline, typing, selfID, draft, onOpen }: RowProps) {
  const { showName, userID, groupID, unreadCount, latestMsgSendTime, isPinned, recvMsgOpt } = conversation
  const preview =
    typing.length > 0 ? (
      <em class="accent">typing…</em>
    ) : draft !== undefined && !isOpen ? (
      <>
        <em class="draft">Draft: </em>
        {draft}
      </>
    ) : (
      previewOf(conversation, selfID)
    )
  return (
    <li>
      <button
        type="button"
        class="row"
        data-item
        aria-current={isOpen ? 'true' : undefined}
        tabIndex={isFirst ? 0 : -1}
        onClick={onOpen}
      >
        <Avatar id={userID || groupID} name={showName} isGroup={groupID !== ''} isOnline={isOnline} />
        <span class="grow">
          <span class="line-1">
            <span class="name">{showName || userID || groupID}</span>
            {isOnline === true && <span class="hidden">online</span>}
            {isPinned && <Icon name="pin" size={14} />}
            {recvMsgOpt !== 0 && <Icon name="muted" size={14} />}
            <time>{momentOf(latestMsgSendTime)}</time>
          </span>
          <span class="line-2">
            <span class="preview">{preview}</span>
            {unreadCount > 0 && <Count count={unreadCount} isQuiet={recvMsgOpt !== 0} />}
          </span>
        </span>
      </button>
    </li>
  )
}
