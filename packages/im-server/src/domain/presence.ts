/** Tells where users are connected. */
export interface Presence {
  /** The platforms each user has a session on, on any node, ascending; a user who is offline has none. */
  onlinePlatforms(userIDs: readonly string[]): Promise<ReadonlyMap<string, readonly number[]>>
}
