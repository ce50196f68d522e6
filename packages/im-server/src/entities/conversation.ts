import { entity, touch } from '@parlance/cached-repository'
import { Entity, Field } from '@parlance/cached-repository/decorators'
import { groupConversationID } from '@parlance/openim-protocol'
import { groupMembers } from './group-member.ts'

/** What one user set for one conversation. A group's has a row only once its owner changed a setting. */
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
  @Field() createTime!: Date
}

export const conversations = entity(Conversation, {
  key: ['ownerUserID', 'conversationID'],
  views: (v) => ({
    ofOwner: v.rows({ by: 'ownerUserID', order: { createTime: 'asc' } }),
    changesOfOwner: v.changes({
      by: 'ownerUserID',
      touchedBy: [
        touch(groupMembers, (m) => ({ ownerUserID: m.userID, conversationID: groupConversationID(m.groupID) })),
      ],
    }),
  }),
})
