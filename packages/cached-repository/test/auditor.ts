import type { Position } from '@parlance/notification-bus'
import type { AnyRow, Repositories, RowChanges } from '@parlance/cached-repository'
import type { Post } from './board.ts'
import { allKeys, authorIDs, days, posts, profiles, spaceIDs, states } from './board.ts'

type StoredPost = Readonly<Post>
type RowOfProfile = { spaceID: string; authorID: string; bio: string }

const keyOf = ({ spaceID, postID }: Pick<Post, 'spaceID' | 'postID'>): string => JSON.stringify([spaceID, postID])

const byKey = (one: StoredPost, other: StoredPost): number =>
  compare(one.spaceID, other.spaceID) || one.postID - other.postID

const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0)

/** A copy of a change list's rows, kept up to date by nothing but deltas, as a client does. */
class Replica<R, K extends keyof R> {
  readonly rows = new Map<string, Readonly<R>>()
  readonly #nameOf: (key: Readonly<Pick<R, K>>) => string
  #position: Position | undefined

  constructor(nameOf: (key: Readonly<Pick<R, K>>) => string) {
    this.#nameOf = nameOf
  }

  async follow(changes: RowChanges<R, K>, all: readonly Readonly<R>[]): Promise<void> {
    for (;;) {
      const delta = await changes.since(this.#position, { limit: 2 })
      this.#position = delta.position
      if (delta.kind === 'full') {
        this.rows.clear()
        for (const row of all) this.rows.set(this.#nameOf(row), row)
        return
      }
      for (const row of [...delta.inserted, ...delta.updated]) this.rows.set(this.#nameOf(row), row)
      for (const key of delta.removed) this.rows.delete(this.#nameOf(key))
      if (!delta.more) return
    }
  }
}

/** Compares every view of the posts, for every value it can be asked for, with what follows from the stored rows. */
export class Auditor {
  readonly #posts
  readonly #profiles
  readonly #replicas = new Map<string, Replica<Post, 'spaceID' | 'postID'>>()
  readonly #profileReplicas = new Map<string, Replica<RowOfProfile, 'spaceID' | 'authorID'>>()
  readonly #touched = new Map<string, Position>()
  #known = new Map<string, AnyRow>()

  constructor(repositories: Repositories) {
    this.#posts = repositories.of(posts)
    this.#profiles = repositories.of(profiles)
  }

  /** What differs, in words; reading it also warms every cache. */
  async differences(): Promise<string[]> {
    const repository = this.#posts
    const stored = (await repository.getMany(allKeys, { read: 'store' })).filter((row) => row !== undefined)
    const found: string[] = []
    const expect = (what: string, actual: unknown, expected: unknown): void => {
      if (JSON.stringify(actual) !== JSON.stringify(expected)) found.push(what)
    }
    for (const read of ['local', 'shared', 'store'] as const) {
      const rows = await repository.getMany(allKeys, { read })
      allKeys.forEach((key, index) =>
        expect(
          `${read} row`,
          rows[index],
          stored.find((row) => keyOf(row) === keyOf(key)),
        ),
      )
      for (const key of allKeys)
        expect(
          `${read} get`,
          await repository.get(key, { read }),
          stored.find((row) => keyOf(row) === keyOf(key)),
        )
      const list = async (
        view: 'ofSpace' | 'ofAuthor' | 'openOfSpace' | 'labelled' | 'onDay',
        by: Partial<Post>,
        order: (one: StoredPost, other: StoredPost) => number,
        passes: (row: StoredPost) => boolean = () => true,
      ): Promise<void> => {
        const expected = stored
          .filter((row) => passes(row) && fits(by, row))
          .toSorted((one, other) => order(one, other) || byKey(one, other))
        expect(`${read} ${view}`, await repository[view](by as never, { read }), expected)
        const keys = expected.map(({ spaceID, postID }) => ({ spaceID, postID }))
        expect(`${read} ${view}.keys`, await repository[view].keys(by as never, { read }), keys)
        const page = await repository[view].page(by as never, { offset: 1, limit: 1 }, { read })
        expect(`${read} ${view}.page`, page, { rows: expected.slice(1, 2), total: expected.length })
      }
      for (const spaceID of spaceIDs) {
        await list('ofSpace', { spaceID }, (one, other) =>
          one.isPinned === other.isPinned
            ? one.postedAt.getTime() - other.postedAt.getTime()
            : Number(other.isPinned) - Number(one.isPinned),
        )
        await list(
          'openOfSpace',
          { spaceID },
          (one, other) => compare(other.title, one.title),
          (row) => row.state === 'open',
        )
        const pinned = stored.filter((row) => row.spaceID === spaceID && row.isPinned)
        expect(`${read} pinnedOfSpace`, await repository.pinnedOfSpace({ spaceID }, { read }), pinned.length)
      }
      for (const authorID of authorIDs) {
        await list('ofAuthor', { authorID }, () => 0)
        for (const state of states)
          await list(
            'labelled',
            { authorID, state },
            () => 0,
            (row) => row.label === 'hot',
          )
        const written = stored.filter((row) => row.authorID === authorID)
        expect(`${read} countOfAuthor`, await repository.countOfAuthor({ authorID }, { read }), written.length)
      }
      for (const postedAt of days) await list('onDay', { postedAt }, () => 0)
    }
    for (const spaceID of spaceIDs)
      await this.#follow(
        `changesOfSpace ${spaceID}`,
        repository.changesOfSpace({ spaceID }),
        stored,
        { spaceID },
        expect,
      )
    for (const authorID of authorIDs)
      await this.#follow(
        `changesOfAuthor ${authorID}`,
        repository.changesOfAuthor({ authorID }),
        stored,
        { authorID },
        expect,
      )
    await this.#followTouched(stored, expect)
    await this.#auditProfiles(expect)
    return found
  }

  async #follow(
    name: string,
    changes: RowChanges<Post, 'spaceID' | 'postID'>,
    stored: readonly StoredPost[],
    by: Partial<Post>,
    expect: (what: string, actual: unknown, expected: unknown) => void,
  ): Promise<void> {
    const replica = this.#replicas.get(name) ?? new Replica<Post, 'spaceID' | 'postID'>(keyOf)
    this.#replicas.set(name, replica)
    const rows = stored.filter((row) => fits(by, row))
    await replica.follow(changes, rows)
    expect(name, [...replica.rows.values()].toSorted(byKey), rows.toSorted(byKey))
  }

  async #auditProfiles(expect: (what: string, actual: unknown, expected: unknown) => void): Promise<void> {
    const nameOf = (key: { spaceID: string; authorID: string }) => JSON.stringify([key.spaceID, key.authorID])
    for (const spaceID of spaceIDs) {
      const keys = authorIDs.toSorted().map((authorID) => ({ spaceID, authorID }))
      const stored = await this.#profiles.getMany(keys, { read: 'store' })
      for (const read of ['local', 'shared'] as const)
        expect(`${read} profile`, await this.#profiles.getMany(keys, { read }), stored)
      const replica = this.#profileReplicas.get(spaceID) ?? new Replica<RowOfProfile, 'spaceID' | 'authorID'>(nameOf)
      this.#profileReplicas.set(spaceID, replica)
      const rows = stored.filter((row) => row !== undefined)
      await replica.follow(this.#profiles.changes({ spaceID }), rows)
      const replicated = [...replica.rows.values()].toSorted((one, other) => compare(one.authorID, other.authorID))
      expect('profile changes', replicated, rows)
    }
  }

  /** A post that came, changed or went must show in its author's profile list, in the same step. */
  async #followTouched(
    stored: readonly StoredPost[],
    expect: (what: string, actual: unknown, expected: unknown) => void,
  ): Promise<void> {
    const current = new Map<string, AnyRow>(stored.map((row) => [keyOf(row), row as unknown as AnyRow]))
    for (const spaceID of spaceIDs) {
      const changes = this.#profiles.changes({ spaceID })
      const position = this.#touched.get(spaceID)
      const delta = await changes.keysSince(position)
      this.#touched.set(spaceID, delta.position)
      if (delta.kind === 'full') continue
      const named = [...delta.inserted, ...delta.updated, ...delta.removed].map(({ authorID }) => authorID)
      const wanted = new Set<unknown>()
      for (const key of new Set([...current.keys(), ...this.#known.keys()])) {
        const [is, was] = [current.get(key), this.#known.get(key)]
        if (JSON.stringify(is) === JSON.stringify(was)) continue
        for (const row of [is, was])
          if (row?.['spaceID'] === spaceID && row['state'] !== 'draft') wanted.add(row['authorID'])
      }
      for (const authorID of wanted) expect(`profile changes of ${spaceID}`, named.includes(authorID as string), true)
    }
    this.#known = current
  }
}

function fits(by: Partial<Post>, row: StoredPost): boolean {
  return Object.entries(by).every(([name, value]) => JSON.stringify(row[name as keyof Post]) === JSON.stringify(value))
}
