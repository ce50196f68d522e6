import type { ConversationItem, MessageItem } from '../model/state.ts'
import { timeOf } from '../model/threads.ts'
import { clockOf, contentTypes, textOf } from '../model/words.ts'
import type { PartProps } from './parts.ts'
import { Avatar } from './avatar.tsx'
import { Icon } from './icon.tsx'
import { Menu, type MenuItem } from './menu.tsx'

const sending = 1
const failed = 3

interface BubbleProps extends PartProps {
  readonly conversation: ConversationItem
  readonly message: MessageItem
  /** Of the same writer as the one above, and soon after it. */
  readonly isFollowing: boolean
  readonly isLast: boolean
  readonly isLastRead: boolean
}

/** One message that somebody wrote. */
export function Bubble(props: BubbleProps) {
  const { state, chat, conversation, message, isFollowing, isLast, isLastRead } = props
  const isOwn = message.sendID === state.self.userID
  const isGroup = conversation.groupID !== ''
  const writer = message.senderNickname || message.sendID
  const quoted = message.quoteElem?.quoteMessage
  return (
    <li
      class={`message${isOwn ? ' own' : ''}${isFollowing ? ' following' : ''}`}
      data-item
      tabIndex={isLast ? 0 : -1}
      onKeyDown={(event) => {
        if (event.key !== 'Enter' || event.target !== event.currentTarget) return
        // Or the same key would act on the first item of the menu, which has the focus then.
        event.preventDefault()
        event.currentTarget.querySelector<HTMLElement>('[aria-haspopup]')?.click()
      }}
    >
      {isGroup && !isOwn && (
        <span class="side">{!isFollowing && <Avatar id={message.sendID} name={writer} isSmall />}</span>
      )}
      <div class="stack">
        {isGroup && !isOwn && !isFollowing && <span class="writer">{writer}</span>}
        <div class="bubble-and-menu">
          <div class="bubble">
            <span class="hidden">{isOwn ? 'You' : writer}: </span>
            {quoted !== undefined && quoted !== null && (
              <blockquote>
                <strong>{quoted.senderNickname || quoted.sendID}</strong>
                {quoted.contentType === contentTypes.revoked ? 'A message that was taken back' : textOf(quoted)}
              </blockquote>
            )}
            <Content message={message} />
            <span class="meta">
              <time dateTime={new Date(timeOf(message)).toISOString()}>{clockOf(timeOf(message))}</time>
              {isOwn && <Progress message={message} isGroup={isGroup} />}
            </span>
          </div>
          <Menu label="Message actions" tabIndex={-1} items={actionsOf(props, isOwn)} />
        </div>
        {message.status === failed && (
          <p class="failed">
            Not sent.{' '}
            <button type="button" onClick={() => void chat.threads.send(conversation, message)}>
              Try again
            </button>
          </p>
        )}
        {isLastRead && !isGroup && <span class="read-note">Read</span>}
      </div>
    </li>
  )
}

/** Pictures of this server are shown; everything else is words, written as text and never as markup. */
function Content({ message }: { readonly message: MessageItem }) {
  const url = message.pictureElem?.snapshotPicture?.url || message.pictureElem?.sourcePicture?.url
  if (url !== undefined && URL.canParse(url) && new URL(url).origin === location.origin)
    return <img src={url} alt="Picture" loading="lazy" />
  return <span class="text">{textOf(message)}</span>
}

function Progress({ message, isGroup }: { readonly message: MessageItem; readonly isGroup: boolean }) {
  const [name, label] =
    message.status === sending
      ? (['clock', 'sending'] as const)
      : message.status === failed
        ? (['failed', 'not sent'] as const)
        : message.isRead && !isGroup
          ? (['checks', 'read'] as const)
          : (['check', 'sent'] as const)
  return (
    <span class={`progress ${label.replace(' ', '-')}`} title={label}>
      <Icon name={name} size={14} />
      <span class="hidden">{label}</span>
    </span>
  )
}

function actionsOf({ store, chat, conversation, message }: BubbleProps, isOwn: boolean): MenuItem[] {
  const { conversationID } = conversation
  const isSent = message.status !== sending && message.status !== failed
  const quote = { label: 'Quote', run: () => store.setEntry('quoted', conversationID, message) }
  const revoke = {
    label: 'Take back for everybody',
    isDangerous: true,
    run: () => void chat.threads.revoke(conversationID, message),
  }
  const copy = {
    label: 'Copy text',
    run: () => void store.attempt('The text was not copied', () => navigator.clipboard.writeText(textOf(message))),
  }
  const remove = {
    label: 'Delete for me',
    isDangerous: true,
    run: () => void chat.threads.remove(conversationID, message),
  }
  return [...(isSent ? [quote] : []), copy, ...(isOwn && isSent ? [revoke] : []), remove]
}
