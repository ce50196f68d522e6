import type { ImWorld } from './im-world.ts'

/** Writes the row of a member, an ordinary one who was invited unless `change` says otherwise. */
export async function joinGroup(
  world: ImWorld,
  groupID: string,
  userID: string,
  change: { nickname?: string; roleLevel?: number } = {},
): Promise<void> {
  const never = new Date(0)
  const row = {
    groupID,
    userID,
    nickname: '',
    faceURL: '',
    roleLevel: 20,
    joinSource: 2,
    inviterUserID: '',
    operatorUserID: '',
    ex: '',
  }
  await world.repositories.groupMembers.put({
    ...row,
    joinTime: new Date(world.clock.now()),
    muteEndTime: never,
    ...change,
  })
}
