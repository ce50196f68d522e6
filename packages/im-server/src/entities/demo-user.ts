import { entity } from '@parlance/cached-repository'
import { Entity, Field } from '@parlance/cached-repository/decorators'

/** Marks an account that the demo's sign-in made, and may sign in again. */
@Entity('demo_user')
export class DemoUser {
  @Field({ max: 64 }) userID!: string
}

export const demoUsers = entity(DemoUser, { key: ['userID'] })
