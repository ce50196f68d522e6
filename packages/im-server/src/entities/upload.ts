import { entity } from '@parlance/cached-repository'
import { Entity, Field } from '@parlance/cached-repository/decorators'

/** A file that is being uploaded. Its id becomes the object's; its parts lie in the object storage. */
@Entity('upload')
export class Upload {
  @Field({ max: 64 }) uploadID!: string
  @Field({ max: 64 }) userID!: string
  @Field({ max: 512 }) name!: string
  /** MD5 of the MD5s of the parts, as the client announced it; empty for a form, which has one part. */
  @Field({ max: 64 }) hash!: string
  @Field() size!: number
  @Field() partSize!: number
  @Field({ max: 256 }) contentType!: string
  @Field({ max: 64 }) cause!: string
  @Field() createTime!: Date
  @Field() expireTime!: Date
}

export const uploads = entity(Upload, {
  key: ['uploadID'],
  views: (v) => ({ ofUser: v.rows({ by: 'userID', order: { createTime: 'asc' } }) }),
})
