import { entity } from '@parlance/cached-repository'
import { Entity, Field } from '@parlance/cached-repository/decorators'

/** A token that was issued, by its id; the token itself is never stored. */
@Entity('credential')
export class Credential {
  @Field({ max: 64 }) userID!: string
  @Field() platformID!: number
  @Field({ max: 64 }) tokenID!: string
  @Field() isKicked!: boolean
  @Field() issuedAt!: Date
  @Field() expiresAt!: Date
}

export const credentials = entity(Credential, {
  key: ['userID', 'tokenID'],
  views: (v) => ({ ofUser: v.rows({ by: 'userID', order: { issuedAt: 'asc' } }) }),
})
