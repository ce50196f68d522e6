import { entity } from '@parlance/cached-repository'
import { Entity, Field } from '@parlance/cached-repository/decorators'

/** Whom `ownerUserID` blocked. */
@Entity('black')
export class Black {
  @Field({ max: 64 }) ownerUserID!: string
  @Field({ max: 64 }) blackUserID!: string
  @Field() createTime!: Date
  @Field() addSource!: number
  @Field({ max: 64 }) operatorUserID!: string
  @Field({ max: 4096 }) ex!: string
}

export const blacks = entity(Black, {
  key: ['ownerUserID', 'blackUserID'],
  views: (v) => ({
    ofOwner: v.rows({ by: 'ownerUserID', order: { createTime: 'asc' } }),
    countOfOwner: v.count({ by: 'ownerUserID' }),
    changesOfOwner: v.changes({ by: 'ownerUserID' }),
  }),
})
