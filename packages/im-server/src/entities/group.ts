import { entity } from '@parlance/cached-repository'
import { Entity, Field } from '@parlance/cached-repository/decorators'

/** A group; who belongs to it stands in its members' rows. */
@Entity('group')
export class Group {
  @Field({ max: 64 }) groupID!: string
  @Field({ max: 256 }) groupName!: string
  @Field({ max: 4096 }) notification!: string
  @Field({ max: 4096 }) introduction!: string
  @Field({ max: 1024 }) faceURL!: string
  @Field({ max: 4096 }) ex!: string
  @Field() createTime!: Date
  @Field() status!: number
  @Field({ max: 64 }) creatorUserID!: string
  @Field() groupType!: number
  @Field() needVerification!: number
  @Field() lookMemberInfo!: number
  @Field() applyMemberFriend!: number
  @Field() notificationUpdateTime!: Date
  @Field({ max: 64 }) notificationUserID!: string
}

export const groups = entity(Group, {
  key: ['groupID'],
  views: (v) => ({ ofType: v.rows({ by: 'groupType', order: { createTime: 'desc' } }) }),
})
