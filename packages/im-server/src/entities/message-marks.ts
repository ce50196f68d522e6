import { entity } from '@parlance/cached-repository'
import { Entity, Field } from '@parlance/cached-repository/decorators'

/** What became of one message for everybody: revoked by somebody, or erased. */
export type MessageMark =
  | {
      readonly kind: 'revoked'
      readonly userID: string
      readonly nickname: string
      readonly roleLevel: number
      readonly isAdmin: boolean
      readonly atMs: number
    }
  | { readonly kind: 'erased' }

/** The marks on some neighbouring messages of a stream, by their numbers. */
@Entity('message_marks')
export class MessageMarks {
  @Field({ max: 256 }) stream!: string
  @Field() block!: number
  @Field({ type: 'json', max: 131_072 }) marks!: Readonly<Record<string, MessageMark>>
}

export const messageMarks = entity(MessageMarks, { key: ['stream', 'block'] })
