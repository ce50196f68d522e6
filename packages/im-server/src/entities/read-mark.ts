import { entity } from '@parlance/cached-repository'
import { Entity, Field } from '@parlance/cached-repository/decorators'

/** How far one user has read one conversation; what the user sent counts as read without a row. */
@Entity('read_mark')
export class ReadMark {
  @Field({ max: 64 }) userID!: string
  @Field({ max: 256 }) conversationID!: string
  @Field() readSeq!: number
}

export const readMarks = entity(ReadMark, { key: ['userID', 'conversationID'] })
