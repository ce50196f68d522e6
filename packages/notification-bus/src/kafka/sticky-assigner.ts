import { AssignerProtocol, type PartitionAssigner } from 'kafkajs'

const name = 'parlance-sticky'
const version = 1

/**
 * Shares the partitions of a topic evenly among the members of a group and leaves with each member as many as possible
 * of those it has, so that a member that joins or leaves disturbs the others little.
 *
 * @param owned - the partitions this member has at the moment it is asked.
 */
export const stickyAssigner =
  (owned: () => readonly number[]): PartitionAssigner =>
  ({ cluster }) => ({
    name,
    version,
    protocol: ({ topics }) => ({
      name,
      metadata: AssignerProtocol.MemberMetadata.encode({
        version,
        topics,
        userData: Buffer.from(JSON.stringify(owned())),
      }),
    }),
    async assign({ members, topics }) {
      const claims = members.map(({ memberId, memberMetadata }) => ({ memberId, owned: claimOf(memberMetadata) }))
      const shares = topics.map((topic) => {
        const partitions = cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId)
        return { topic, share: shareOut(partitions, claims) }
      })
      return members.map(({ memberId }) => ({
        memberId,
        memberAssignment: AssignerProtocol.MemberAssignment.encode({
          version,
          assignment: Object.fromEntries(shares.map(({ topic, share }) => [topic, share.get(memberId) ?? []])),
          userData: Buffer.alloc(0),
        }),
      }))
    },
  })

/** What one member says it has. */
export interface Claim {
  readonly memberId: string
  readonly owned: readonly number[]
}

/** Even shares; whoever has a partition keeps it unless its share is full. */
export function shareOut(partitions: readonly number[], claims: readonly Claim[]): Map<string, number[]> {
  const free = new Set(partitions)
  const least = Math.floor(partitions.length / claims.length)
  let larger = partitions.length - least * claims.length
  const shares = new Map<string, number[]>()
  const byClaim = claims.toSorted(
    (one, other) => other.owned.length - one.owned.length || (one.memberId < other.memberId ? -1 : 1),
  )
  for (const { memberId, owned } of byClaim) {
    const kept: number[] = []
    for (const partition of owned) {
      if (!free.has(partition) || kept.length >= least + (larger > 0 ? 1 : 0)) continue
      kept.push(partition)
      free.delete(partition)
    }
    if (kept.length > least) larger--
    shares.set(memberId, kept)
  }
  const rest = [...free].toSorted((one, other) => one - other)
  for (const { memberId } of byClaim) {
    const share = shares.get(memberId)!
    while (share.length < least) share.push(rest.shift()!)
  }
  for (const { memberId } of byClaim) {
    const share = shares.get(memberId)!
    if (rest.length > 0 && share.length === least) share.push(rest.shift()!)
  }
  return shares
}

function claimOf(memberMetadata: Buffer): readonly number[] {
  try {
    const text = AssignerProtocol.MemberMetadata.decode(memberMetadata)?.userData.toString() ?? '[]'
    const owned: unknown = JSON.parse(text)
    return Array.isArray(owned) ? owned.filter((partition): partition is number => Number.isSafeInteger(partition)) : []
  } catch {
    // Another version's claim: it gets its even share, not the one it had.
    return []
  }
}
