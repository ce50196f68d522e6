import {
  defineEntity,
  entity,
  field,
  type RepositoryOf,
  stream,
  type StreamRepositoryOf,
  touch,
  type touchedRows,
} from '@parlance/cached-repository'
import { Entity, Field } from '@parlance/cached-repository/decorators'

@Entity('reaction')
export class Reaction {
  @Field() threadID!: string
  @Field() postSeq!: number
  @Field() authorID!: string
  @Field({ max: 32 }) emoji!: string
  @Field() reactedAt!: Date
  @Field({ type: 'string', optional: true }) note?: string

  describe(): string {
    return `${this.authorID} ${this.emoji}`
  }
}

export class Undecided {
  // @ts-expect-error an optional property whose field is not optional
  @Field() value?: string
}

export const reactions = entity(Reaction, {
  key: ['threadID', 'postSeq', 'authorID'],
  views: (v) => ({
    ofPost: v.rows({ by: ['threadID', 'postSeq'], order: { reactedAt: 'asc' }, where: { note: 'x' } }),
    tally: v.count({ by: ['threadID', 'postSeq', 'emoji'] }),
    changes: v.changes({ by: 'threadID' }),
  }),
})

export const threads = defineEntity('thread', {
  fields: {
    threadID: field.string({ max: 64 }),
    title: field.string({ optional: true }),
    tags: field.json<readonly string[]>(),
    extra: field.json<{ a: number }>({ optional: true }),
    openedAt: field.date(),
    rank: field.number(),
    open: field.boolean(),
  },
  key: ['threadID'],
  views: (v) => ({
    byRank: v.rows({ by: 'rank', order: { openedAt: 'desc' }, where: { open: true } }),
    changes: v.changes({
      by: 'threadID',
      touchedBy: [touch(reactions, (r) => (r.postSeq > 0 ? { threadID: r.threadID } : undefined))],
    }),
  }),
})

declare const reactionRepository: RepositoryOf<typeof reactions>
declare const threadRepository: RepositoryOf<typeof threads>

const key = { threadID: 't', postSeq: 1, authorID: 'a' }

export async function promised(): Promise<void> {
  const rows = await reactionRepository.ofPost({ threadID: 't', postSeq: 1 })
  rows[0]?.emoji.toUpperCase()
  rows[0]?.describe().toUpperCase()
  const count: number = await reactionRepository.tally({ threadID: 't', postSeq: 1, emoji: 'x' })
  const delta = await reactionRepository.changes({ threadID: 't' }).since()
  if (delta.kind === 'delta') {
    delta.inserted[0]?.authorID.toUpperCase()
    delta.removed[0]?.postSeq.toFixed(count)
    // @ts-expect-error removed elements are keys only
    delta.removed[0]?.emoji.toUpperCase()
  }
  const keys = await reactionRepository.ofPost.keys({ threadID: 't', postSeq: 1 })
  keys[0]?.authorID.toUpperCase()
  await reactionRepository.put({ ...key, emoji: 'x', reactedAt: new Date() })
  await reactionRepository.get(key, { read: 'shared' })
  await reactionRepository.patch(key, { emoji: 'y', note: undefined }, { ifRevision: 2 })
  const thread = await threadRepository.require({ threadID: 't' })
  const title: string | undefined = thread.title
  const tags: readonly string[] = thread.tags
  const a: number | undefined = thread.extra?.a
  await threadRepository.put({
    threadID: 't',
    tags,
    openedAt: new Date(),
    rank: a ?? 1,
    open: true,
    title: title ?? 'x',
  })
  await threadRepository.byRank({ rank: 1 })
}

export async function refused(): Promise<void> {
  // @ts-expect-error a missing key field
  await reactionRepository.get({ threadID: 't', postSeq: 1 })
  // @ts-expect-error a wrong key field
  await threadRepository.get({ thread: 't' })
  // @ts-expect-error key fields cannot be patched
  await reactionRepository.patch(key, { authorID: 'z' })
  // @ts-expect-error a required field cannot be cleared
  await reactionRepository.patch(key, { emoji: undefined })
  // @ts-expect-error an unknown view
  await reactionRepository.ofAuthor({ authorID: 'a' })
  // @ts-expect-error an unknown view of an entity without any
  await withoutViews.ofAuthor({ authorID: 'a' })
  // @ts-expect-error a wrong argument type
  await reactionRepository.tally({ threadID: 't', postSeq: '1', emoji: 'x' })
  // @ts-expect-error a missing field
  await reactionRepository.put({ ...key, emoji: 'x' })
  // @ts-expect-error rows are immutable
  ;(await reactionRepository.require(key)).emoji = 'x'
  // @ts-expect-error lists of rows are immutable
  ;(await reactionRepository.ofPost({ threadID: 't', postSeq: 1 })).pop()
  // @ts-expect-error a wrong field type, inferred from the definition
  await threadRepository.put({ threadID: 't', tags: [1], openedAt: new Date(), rank: 1, open: true })
}

declare const told: ReturnType<typeof touchedRows<{ threadID: string }, { authorID: string }>>
declare const toldOfOthers: ReturnType<typeof touchedRows<{ threadID: string }, { emoji: string }>>
declare const toldByOthers: ReturnType<typeof touchedRows<{ emoji: string }, { authorID: string }>>

const plain = entity(Reaction, { key: ['authorID'] })
declare const withoutViews: RepositoryOf<typeof plain>

export function refusedDeclarations(): void {
  // @ts-expect-error an unknown field in the key
  entity(Reaction, { key: ['nope'] })
  // @ts-expect-error an optional field in the key
  entity(Reaction, { key: ['note'] })
  // @ts-expect-error a method in the key
  entity(Reaction, { key: ['describe'] })
  // @ts-expect-error an unknown field in the key of a definition
  defineEntity('thing', { fields: { id: field.string() }, key: ['nope'] })
  entity(Reaction, {
    key: ['authorID'],
    views: (v) => ({
      // @ts-expect-error an unknown field in by
      a: v.rows({ by: 'nope' }),
      // @ts-expect-error an unknown field in order
      b: v.rows({ by: 'threadID', order: { nope: 'asc' } }),
      // @ts-expect-error a wrong value in where
      c: v.count({ by: 'threadID', where: { emoji: 1 } }),
      // @ts-expect-error an unknown field in where
      d: v.rows({ by: 'threadID', where: { nope: 1 } }),
      // @ts-expect-error the mapped key is not this entity's key
      e: v.changes({ by: 'authorID', touchedBy: [touch(threads, (t) => ({ threadID: t.threadID }))] }),
      // @ts-expect-error the touched entity has no such field
      g: v.changes({ by: 'authorID', touchedBy: [touch(threads, { nope: 'threadID' }, { fields: ['title'] })] }),
      // @ts-expect-error the field has another type
      h: v.changes({ by: 'authorID', touchedBy: [touch(threads, { threadID: 'rank' }, { fields: ['title'] })] }),
      // @ts-expect-error the other entity has no such field
      i: v.changes({ by: 'authorID', touchedBy: [touch(threads, { threadID: 'nope' }, { fields: ['title'] })] }),
      // @ts-expect-error a change of an unknown field
      j: v.changes({ by: 'authorID', touchedBy: [touch(threads, { threadID: 'threadID' }, { fields: ['nope'] })] }),
      // @ts-expect-error a key field cannot change
      k: v.changes({ by: 'authorID', touchedBy: [touch(threads, { threadID: 'threadID' }, { fields: ['threadID'] })] }),
      l: v.changes({
        by: 'authorID',
        touchedBy: [touch(threads, { threadID: 'threadID' }, { fields: ['title'], announce: told })],
      }),
      m: v.changes({
        by: 'authorID',
        // @ts-expect-error the topic takes keys of another entity
        touchedBy: [touch(threads, { threadID: 'threadID' }, { fields: ['title'], announce: toldOfOthers })],
      }),
      n: v.changes({
        by: 'authorID',
        // @ts-expect-error the topic is told by another entity
        touchedBy: [touch(threads, { threadID: 'threadID' }, { fields: ['title'], announce: toldByOthers })],
      }),
      // @ts-expect-error the mapping reads a field that the other entity has not
      f: v.changes({ by: 'authorID', touchedBy: [touch(threads, (t) => ({ authorID: t.nope }))] }),
    }),
  })
  // @ts-expect-error a view may not be called like a repository method
  entity(Reaction, { key: ['authorID'], views: (v) => ({ get: v.rows({ by: 'authorID' }) }) })
  // @ts-expect-error nor in a definition
  defineEntity('thing', { fields: { id: field.string() }, key: ['id'], views: (v) => ({ put: v.count({ by: 'id' }) }) })
}

interface Post {
  readonly authorID: string
  readonly text: string
}

export const posts = stream('post', {
  codec: {
    encode: (post: Post) => Buffer.from(JSON.stringify(post)),
    decode: (bytes) => JSON.parse(Buffer.from(bytes).toString()) as Post,
  },
  repeat: (post) => post.text,
  views: (v) => ({ lastBy: v.last({ by: (post) => post.authorID }) }),
})

declare const postRepository: StreamRepositoryOf<typeof posts>

export async function streams(): Promise<void> {
  const [appended] = await postRepository.append('s', [{ authorID: 'a', text: 'x' }])
  appended?.seq.toFixed()
  const entries = await postRepository.range('s', 1, 10)
  entries[0]?.row.authorID.toUpperCase()
  const last: number[] = await postRepository.lastBy([{ stream: 's', value: 'a' }])
  last.pop()
  // @ts-expect-error a wrong row
  await postRepository.append('s', [{ authorID: 1, text: 'x' }])
  // @ts-expect-error an unknown view
  await postRepository.firstBy([])
}
