import { entity } from '@parlance/cached-repository'
import { Entity, Field } from '@parlance/cached-repository/decorators'

/** One user's membership in one group. */
@Entity('group_member')
export class GroupMember {
  @Field({ max: 64 }) groupID!: string
  @Field({ max: 64 }) userID!: string
  @Field({ max: 256 }) nickname!: string
  @Field({ max: 1024 }) faceURL!: string
  @Field() roleLevel!: number
  @Field() joinTime!: Date
  @Field() joinSource!: number
  @Field({ max: 64 }) inviterUserID!: string
  @Field({ max: 64 }) operatorUserID!: string
  @Field() muteEndTime!: Date
  @Field({ max: 4096 }) ex!: string
}

export const groupMembers = entity(GroupMember, {
  key: ['groupID', 'userID'],
  views: (v) => ({
    ofGroup: v.rows({ by: 'groupID', order: { roleLevel: 'desc', joinTime: 'asc' } }),
    ofUser: v.rows({ by: 'userID', order: { joinTime: 'asc' } }),
    countOfGroup: v.count({ by: 'groupID' }),
    changesOfGroup: v.changes({ by: 'groupID' }),
    changesOfUser: v.changes({ by: 'userID' }),
  }),
})
