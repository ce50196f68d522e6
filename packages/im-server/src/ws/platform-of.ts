import { InvalidArgumentError } from '@parlance/core'
import { platformIDs, platformName } from '@parlance/openim-protocol'

const byName = new Map(Object.values(platformIDs).map((platformID) => [platformName(platformID), platformID]))

/** The platform that a session's device stands for. */
export function platformOf(device: string): number {
  const platformID = byName.get(device)
  if (platformID === undefined) throw new InvalidArgumentError(`${device} is no platform`)
  return platformID
}
