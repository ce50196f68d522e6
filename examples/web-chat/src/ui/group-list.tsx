import type { PartProps } from './parts.ts'
import { Avatar } from './avatar.tsx'
import { moveFocus } from './keys.ts'
import { Section } from './rows.tsx'

const outcomes: Readonly<Record<number, string>> = { [-1]: 'Refused', 0: 'Waiting', 1: 'Accepted' }

/** Requests to join, and groups. */
export function GroupList({ state, store, chat }: PartProps) {
  const { groups, groupReceived, groupSent } = state
  const open = groupReceived.filter(({ handleResult }) => handleResult === 0)
  const unanswered = groupSent.filter(({ handleResult }) => handleResult !== 1)
  if (groups === undefined) return <p class="empty">Reading groups…</p>
  return (
    <div onKeyDown={moveFocus}>
      {open.length > 0 && (
        <Section title="Requests to join">
          {open.map((request) => (
            <li key={`${request.groupID} ${request.userID}`} class="row">
              <Avatar id={request.userID} name={request.nickname} />
              <span class="grow">
                <span class="name">
                  {request.nickname || request.userID} → {request.groupName}
                </span>
                <span class="preview">{request.reqMsg || 'wants to join'}</span>
                <span class="actions">
                  <button type="button" class="primary" onClick={() => void chat.groups.accept(request)}>
                    Let in
                  </button>
                  <button type="button" onClick={() => void chat.groups.refuse(request)}>
                    Refuse
                  </button>
                </span>
              </span>
            </li>
          ))}
        </Section>
      )}
      <Section title={`Groups (${groups.length})`}>
        {groups.length === 0 && (
          <li class="empty">
            <p>You are in no group.</p>
            <button type="button" class="primary" onClick={() => store.set({ dialog: { kind: 'newGroup' } })}>
              New group
            </button>
          </li>
        )}
        {groups.map(({ groupID, groupName, memberCount }, index) => (
          <li key={groupID}>
            <button
              type="button"
              class="row"
              data-item
              tabIndex={index === 0 ? 0 : -1}
              onClick={() => void chat.conversations.openWith(groupID, 3)}
            >
              <Avatar id={groupID} name={groupName} isGroup />
              <span class="grow">
                <span class="name">{groupName || groupID}</span>
                <span class="preview">{memberCount === 1 ? '1 member' : `${memberCount} members`}</span>
              </span>
            </button>
          </li>
        ))}
      </Section>
      {unanswered.length > 0 && (
        <Section title="You asked to join">
          {unanswered.map((request) => (
            <li key={request.groupID} class="row">
              <Avatar id={request.groupID} name={request.groupName} isGroup />
              <span class="grow">
                <span class="name">{request.groupName || request.groupID}</span>
                <span class="preview">{outcomes[request.handleResult]}</span>
              </span>
            </li>
          ))}
        </Section>
      )}
    </div>
  )
}
