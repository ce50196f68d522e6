import { entity, touch } from '@parlance/cached-repository'
import { Entity, Field } from '@parlance/cached-repository/decorators'
import { touchedFriends } from '../domain/touched.ts'
import { users } from './user.ts'

/** One direction of a friendship: whom `ownerUserID` has in the list of friends. */
@Entity('friend')
export class Friend {
  @Field({ max: 64 }) ownerUserID!: string
  @Field({ max: 64 }) friendUserID!: string
  @Field({ max: 256 }) remark!: string
  @Field() createTime!: Date
  @Field() addSource!: number
  @Field({ max: 64 }) operatorUserID!: string
  @Field({ max: 4096 }) ex!: string
  @Field() isPinned!: boolean
}

export const friends = entity(Friend, {
  key: ['ownerUserID', 'friendUserID'],
  views: (v) => ({
    ofOwner: v.rows({ by: 'ownerUserID', order: { isPinned: 'desc', createTime: 'asc' } }),
    countOfOwner: v.count({ by: 'ownerUserID' }),
    changesOfOwner: v.changes({
      by: 'ownerUserID',
      touchedBy: [
        touch(users, { friendUserID: 'userID' }, { fields: ['nickname', 'faceURL'], announce: touchedFriends }),
      ],
    }),
  }),
})
