import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { ConversationItem, MessageItem, Thread } from '../model/state.ts'
import { timeOf } from '../model/threads.ts'
import { dayOf, isSystemLine, systemTextOf } from '../model/words.ts'
import type { PartProps } from './parts.ts'
import { Icon } from './icon.tsx'
import { moveFocus } from './keys.ts'
import { Bubble } from './message.tsx'

const nearPx = 160
const togetherMs = 5 * 60_000
const nothing: Thread = { messages: [], isLoading: true, isComplete: false }

interface ThreadProps extends PartProps {
  readonly conversation: ConversationItem
}

/** Messages with a heading per day. It reads older ones when scrolled up, and stays where it is when they come. */
export function ThreadView(props: ThreadProps) {
  const { state, chat, conversation } = props
  const { conversationID } = conversation
  const thread = state.threads[conversationID] ?? nothing
  const { messages, isLoading, isComplete, failure } = thread
  const box = useRef<HTMLDivElement>(null)
  const seen = useRef({ first: '', last: '', height: 0, isAtEnd: true })
  const [isBehind, setBehind] = useState(false)

  useLayoutEffect(() => {
    const [view, before] = [box.current!, seen.current]
    const [first, last] = [messages[0]?.clientMsgID ?? '', messages.at(-1)?.clientMsgID ?? '']
    const isOwn = messages.at(-1)?.sendID === state.self.userID
    if (before.isAtEnd || (last !== before.last && isOwn)) view.scrollTop = view.scrollHeight
    else if (first !== before.first) view.scrollTop += view.scrollHeight - before.height
    else if (last !== before.last) setBehind(true)
    seen.current = { first, last, height: view.scrollHeight, isAtEnd: isNearEnd(view) }
    // A page that does not fill the view cannot be scrolled, so the next one is read at once.
    if (view.scrollHeight <= view.clientHeight && !isLoading && !isComplete && failure === undefined)
      void chat.threads.readOlder(conversationID)
  }, [messages, isLoading])

  useLayoutEffect(() => {
    // What was at the end stays there when the view becomes smaller: a keyboard opens, lines are added below.
    const view = box.current!
    const observer = new ResizeObserver(() => {
      if (seen.current.isAtEnd) view.scrollTop = view.scrollHeight
    })
    observer.observe(view)
    return () => observer.disconnect()
  }, [])

  const scroll = (): void => {
    const view = box.current!
    seen.current.isAtEnd = isNearEnd(view)
    if (seen.current.isAtEnd) setBehind(false)
    if (view.scrollTop < nearPx) void chat.threads.readOlder(conversationID)
  }

  const toEnd = (): void => {
    box.current!.scrollTop = box.current!.scrollHeight
    setBehind(false)
  }

  const lastReadID = messages.findLast(({ sendID, isRead }) => sendID === state.self.userID && isRead)?.clientMsgID
  return (
    <div class="thread">
      <div class="messages" ref={box} onScroll={scroll} tabIndex={-1}>
        <p class="edge" role="status">
          {failure !== undefined ? (
            <>
              Messages could not be read: {failure}{' '}
              <button type="button" onClick={() => void chat.threads.readNewest(conversationID)}>
                Try again
              </button>
            </>
          ) : isLoading ? (
            'Reading messages…'
          ) : messages.length === 0 ? (
            'No messages yet. Say hello!'
          ) : isComplete ? (
            'This is the beginning.'
          ) : (
            ''
          )}
        </p>
        <ul role="log" aria-label="Messages" aria-live="polite" onKeyDown={moveFocus}>
          {messages.map((message, index) => (
            <MessageRow
              key={message.clientMsgID}
              {...props}
              message={message}
              before={messages[index - 1]}
              isLast={index === messages.length - 1}
              isLastRead={message.clientMsgID === lastReadID}
            />
          ))}
        </ul>
      </div>
      {isBehind && (
        <button type="button" class="to-end" onClick={toEnd}>
          <Icon name="down" size={16} /> New messages
        </button>
      )}
    </div>
  )
}

const isNearEnd = ({ scrollHeight, scrollTop, clientHeight }: HTMLElement): boolean =>
  scrollHeight - scrollTop - clientHeight < nearPx / 2

interface RowProps extends ThreadProps {
  readonly message: MessageItem
  readonly before: MessageItem | undefined
  readonly isLast: boolean
  readonly isLastRead: boolean
}

function MessageRow({ message, before, ...props }: RowProps) {
  const day = dayOf(timeOf(message))
  const isNewDay = before === undefined || dayOf(timeOf(before)) !== day
  const isFollowing =
    !isNewDay &&
    !isSystemLine(before) &&
    before.sendID === message.sendID &&
    timeOf(message) - timeOf(before) < togetherMs
  return (
    <>
      {isNewDay && (
        <li class="day" key={`${message.clientMsgID} day`}>
          <span>{day}</span>
        </li>
      )}
      {isSystemLine(message) ? (
        <li class="system" data-item tabIndex={props.isLast ? 0 : -1}>
          {systemTextOf(message, props.state.self.userID)}
        </li>
      ) : (
        <Bubble {...props} message={message} isFollowing={isFollowing} />
      )}
    </>
  )
}
