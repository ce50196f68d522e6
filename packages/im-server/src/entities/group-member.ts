import { entity, touch } from '@parlance/cached-repository'
import { Entity, Field } from '@parlance/cached-repository/decorators'
import { groupItself, touchedMembers } from '../domain/touched.ts'
import { groups } from './group.ts'
import { users } from './user.ts'

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
    changesOfGroup: v.changes({
      by: 'groupID',
      touchedBy: [
        touch(users, { userID: 'userID' }, { fields: ['nickname', 'faceURL'], announce: touchedMembers }),
        touch(groups, ({ groupID }) => ({ groupID, userID: groupItself })),
      ],
    }),
    changesOfUser: v.changes({ by: 'userID', touchedBy: [touch(groups, { groupID: 'groupID' })] }),
  }),
})
