import { entity } from '@parlance/cached-repository'
import { Entity, Field } from '@parlance/cached-repository/decorators'

/** What one user, or a member for that user, asked of one group; asking again replaces what was asked before. */
@Entity('group_request')
export class GroupRequest {
  @Field({ max: 64 }) groupID!: string
  @Field({ max: 64 }) userID!: string
  @Field() handleResult!: number
  @Field({ max: 1024 }) reqMsg!: string
  @Field({ max: 1024 }) handledMsg!: string
  @Field() reqTime!: Date
  @Field({ max: 64 }) handleUserID!: string
  @Field() handledTime!: Date
  @Field() joinSource!: number
  @Field({ max: 64 }) inviterUserID!: string
  @Field({ max: 4096 }) ex!: string
}

export const groupRequests = entity(GroupRequest, {
  key: ['groupID', 'userID'],
  views: (v) => ({
    ofGroup: v.rows({ by: 'groupID', order: { reqTime: 'desc' } }),
    ofGroupByResult: v.rows({ by: ['groupID', 'handleResult'], order: { reqTime: 'desc' } }),
    ofUser: v.rows({ by: 'userID', order: { reqTime: 'desc' } }),
  }),
})
