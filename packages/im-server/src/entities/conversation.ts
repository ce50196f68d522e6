import { entity, touch } from '@parlance/cached-repository'
import { Entity, Field } from '@parlance/cached-repository/decorators'
import { groupConversationID } from '@parlance/openim-protocol'
import { type GroupMember, groupMembers } from './group-member.ts'

/** What one user set for one conversation, and the part that user may read (0: unbounded). A group's has a row only once something is set. */
@Entity('conversation')
export class Conversation {
  @Field({ max: 64 }) ownerUserID!: string
  @Field({ max: 256 }) conversationID!: string
  @Field() conversationType!: number
  @Field({ max: 64 }) userID!: string
  @Field({ max: 64 }) groupID!: string
  @Field() recvMsgOpt!: number
  @Field() isPinned!: boolean
  @Field() isPrivateChat!: boolean
  @Field() burnDuration!: number
  @Field() groupAtType!: number
  @Field({ max: 4096 }) attachedInfo!: string
  @Field({ max: 4096 }) ex!: string
  @Field() minSeq!: number
  @Field() maxSeq!: number
  @Field() isDeleted!: boolean
  @Field() createTime!: Date
}

type MemberKey = Pick<GroupMember, 'userID' | 'groupID'>
const keyOf = (m: MemberKey) => ({ ownerUserID: m.userID, conversationID: groupConversationID(m.groupID) })

export const conversations = entity(Conversation, {
  key: ['ownerUserID', 'conversationID'],
  views: (v) => ({
    ofOwner: v.rows({ by: 'ownerUserID', order: { createTime: 'asc' } }),
    ofConversation: v.rows({ by: 'conversationID' }),
    changesOfOwner: v.changes({ by: 'ownerUserID', touchedBy: [touch(groupMembers, keyOf)] }),
  }),
})
