import { entity } from '@parlance/cached-repository'
import { Entity, Field } from '@parlance/cached-repository/decorators'

/** A file that somebody uploaded: what it is called, and which content it has. Several may have the same content. */
@Entity('stored_object')
export class StoredObject {
  @Field({ max: 64 }) objectID!: string
  @Field({ max: 64 }) userID!: string
  @Field({ max: 512 }) name!: string
  @Field({ max: 64 }) hash!: string
  @Field({ max: 64 }) contentID!: string
  @Field() size!: number
  @Field({ max: 256 }) contentType!: string
  @Field({ max: 64 }) cause!: string
  @Field() createTime!: Date
}

export const storedObjects = entity(StoredObject, {
  key: ['objectID'],
  views: (v) => ({ ofHash: v.rows({ by: ['userID', 'hash'], order: { createTime: 'desc' } }) }),
})
