import { entity } from '@parlance/cached-repository'
import { Entity, Field } from '@parlance/cached-repository/decorators'

/** The last time one user asked another to become friends, and what became of it. */
@Entity('friend_request')
export class FriendRequest {
  @Field({ max: 64 }) fromUserID!: string
  @Field({ max: 64 }) toUserID!: string
  @Field({ max: 1024 }) reqMsg!: string
  @Field() handleResult!: number
  @Field({ max: 64 }) handlerUserID!: string
  @Field({ max: 1024 }) handleMsg!: string
  @Field() createTime!: Date
  @Field() handleTime!: Date
  @Field({ max: 4096 }) ex!: string
}

export const friendRequests = entity(FriendRequest, {
  key: ['fromUserID', 'toUserID'],
  views: (v) => ({
    sent: v.rows({ by: 'fromUserID', order: { createTime: 'desc' } }),
    received: v.rows({ by: 'toUserID', order: { createTime: 'desc' } }),
    sentWith: v.rows({ by: ['fromUserID', 'handleResult'], order: { createTime: 'desc' } }),
    receivedWith: v.rows({ by: ['toUserID', 'handleResult'], order: { createTime: 'desc' } }),
    sentCount: v.count({ by: ['fromUserID', 'handleResult'] }),
    receivedCount: v.count({ by: ['toUserID', 'handleResult'] }),
  }),
})
