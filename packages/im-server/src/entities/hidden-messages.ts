import { entity } from '@parlance/cached-repository'
import { Entity, Field } from '@parlance/cached-repository/decorators'

/** Which of some neighbouring messages of a stream one user deleted for itself. */
@Entity('hidden_messages')
export class HiddenMessages {
  @Field({ max: 64 }) userID!: string
  @Field({ max: 256 }) stream!: string
  @Field() block!: number
  @Field({ type: 'json', max: 4096 }) seqs!: readonly number[]
}

export const hiddenMessages = entity(HiddenMessages, { key: ['userID', 'stream', 'block'] })
