import { entity } from '@parlance/cached-repository'
import { Entity, Field } from '@parlance/cached-repository/decorators'

/** Who does a work that one process at a time is to do. */
@Entity('lease')
export class Lease {
  @Field({ max: 64 }) work!: string
  @Field({ max: 64 }) owner!: string
}

export const leases = entity(Lease, { key: ['work'] })
