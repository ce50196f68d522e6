import type { ApiClient } from './api-client.ts'

interface Delta {
  readonly version: number
  readonly versionID: string
  readonly full: boolean
  readonly delete: readonly string[] | null
  readonly insert: readonly Entry[] | null
  readonly update: readonly Entry[] | null
}

interface Entry {
  readonly groupID: string
  readonly userID: string
  readonly roleLevel: number
  readonly nickname: string
}

interface Copy {
  readonly known: { readonly version: number; readonly versionID: string }
  readonly entries: ReadonlyMap<string, string>
}

const nothing: Copy = { known: { version: 0, versionID: '' }, entries: new Map() }
const pagination = { pageNumber: 1, showNumber: 1_000 }

/** Joined groups by id, and of each its members with role and name. */
export type Mirrored = Readonly<Record<string, readonly string[]>>

/** A client that keeps its groups and their members as the official core does: whole once, then only what changed. */
export class GroupMirror {
  readonly #api: ApiClient
  readonly #userID: string
  #joined: Copy = nothing
  readonly #members = new Map<string, Copy>()

  constructor(api: ApiClient, userID: string) {
    this.#api = api
    this.#userID = userID
  }

  /** Asks what changed, and returns everything it has now. */
  async sync(): Promise<Mirrored> {
    const userID = this.#userID
    const { data } = await this.#api.must<Delta>('/group/get_incremental_join_groups', {
      userID,
      ...this.#joined.known,
    })
    const ofGroup = ({ groupID }: Entry): [string, string] => [groupID, '']
    const whole = async (): Promise<readonly Entry[]> => {
      const body = { fromUserID: userID, pagination }
      return (await this.#api.must<{ groups: Entry[] }>('/group/get_joined_group_list', body)).data.groups
    }
    this.#joined = await applied(this.#joined, data, whole, ofGroup)
    const groupIDs = [...this.#joined.entries.keys()]
    for (const groupID of this.#members.keys()) if (!groupIDs.includes(groupID)) this.#members.delete(groupID)
    for (const groupID of groupIDs) await this.#syncMembers(groupID)
    return Object.fromEntries(groupIDs.toSorted().map((groupID) => [groupID, shown(this.#members.get(groupID)!)]))
  }

  /** The same, read whole. */
  async fromZero(): Promise<Mirrored> {
    return new GroupMirror(this.#api, this.#userID).sync()
  }

  async #syncMembers(groupID: string): Promise<void> {
    const copy = this.#members.get(groupID) ?? nothing
    const { data } = await this.#api.must<Delta>('/group/get_incremental_group_members', { groupID, ...copy.known })
    const ofMember = (member: Entry): [string, string] => [member.userID, `${member.roleLevel} ${member.nickname}`]
    const whole = async (): Promise<readonly Entry[]> => {
      const body = { groupID, pagination }
      return (await this.#api.must<{ members: Entry[] }>('/group/get_group_member_list', body)).data.members
    }
    this.#members.set(groupID, await applied(copy, data, whole, ofMember))
  }
}

const shown = ({ entries }: Copy): readonly string[] => [...entries].map((entry) => entry.join(' ')).toSorted()

async function applied(
  { entries }: Copy,
  delta: Delta,
  whole: () => Promise<readonly Entry[]>,
  of: (entry: Entry) => [string, string],
): Promise<Copy> {
  const { version, versionID } = delta
  const known = { version, versionID }
  if (delta.full) return { known, entries: new Map((await whole()).map(of)) }
  const next = new Map(entries)
  for (const id of delta.delete ?? []) next.delete(id)
  for (const entry of [...(delta.insert ?? []), ...(delta.update ?? [])]) next.set(...of(entry))
  return { known, entries: next }
}
