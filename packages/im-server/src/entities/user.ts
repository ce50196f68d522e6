import { entity } from '@parlance/cached-repository'
import { Entity, Field } from '@parlance/cached-repository/decorators'

/** An account: a person, a bot or an administrator. */
@Entity('user')
export class User {
  @Field({ max: 64 }) userID!: string
  @Field({ max: 256 }) nickname!: string
  @Field({ max: 1024 }) faceURL!: string
  @Field({ max: 4096 }) ex!: string
  @Field() appMangerLevel!: number
  @Field() globalRecvMsgOpt!: number
  @Field() createTime!: Date
}

export const users = entity(User, {
  key: ['userID'],
  views: (v) => ({ ofLevel: v.rows({ by: 'appMangerLevel', order: { createTime: 'asc' } }) }),
})
