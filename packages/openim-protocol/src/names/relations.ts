/** `status` of a group. */
export const groupStatus = { ok: 0, banned: 1, dismissed: 2, muted: 3 } as const

/** `groupType` of a group; only working groups can be created. */
export const groupTypes = { normal: 0, super: 1, working: 2 } as const

/** `roleLevel` of a group's member. */
export const roleLevels = { ordinary: 20, admin: 60, owner: 100 } as const

/** `needVerification` of a group: who joins without approval. */
export const joinVerifications = {
  /** Applications need approval, invited users join. */
  applications: 0,
  /** Applications and invitations need approval, except those of owner and admins. */
  all: 1,
  /** Everybody joins. */
  none: 2,
} as const

/** `joinSource` of a group's member. */
export const joinSources = { admin: 1, invitation: 2, search: 3, qrCode: 4 } as const

/** `handleResult` of a friend or group request. */
export const handleResults = { refused: -1, open: 0, agreed: 1 } as const

/** `addSource` of a friendship. */
export const friendSources = { import: 1, application: 2 } as const

/** `appMangerLevel` of a user (sic, on the wire). */
export const appLevels = { unset: 0, ordinary: 1, admin: 2, notification: 3, robot: 4 } as const
