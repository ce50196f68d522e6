import { entity } from '@parlance/cached-repository'
import { Entity, Field } from '@parlance/cached-repository/decorators'

@Entity('reaction')
export class Reaction {
  @Field({ max: 128 }) conversationID!: string
  @Field() messageSeq!: number
  @Field({ max: 64 }) userID!: string
  @Field({ max: 32 }) emoji!: string
  @Field() reactedAt!: Date
}

export const reactions = entity(Reaction, {
  key: ['conversationID', 'messageSeq', 'userID'],
  views: (v) => ({
    ofMessage: v.rows({ by: ['conversationID', 'messageSeq'], order: { reactedAt: 'asc' } }),
    ofConversation: v.rows({ by: 'conversationID', order: { reactedAt: 'asc' } }),
    tally: v.count({ by: ['conversationID', 'messageSeq', 'emoji'] }),
    changes: v.changes({ by: 'conversationID' }),
  }),
})
