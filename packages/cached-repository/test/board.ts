import { defineEntity, entity, field, type RowInput, touch } from '@parlance/cached-repository'
import { Entity, Field } from '@parlance/cached-repository/decorators'

@Entity('post')
export class Post {
  @Field({ max: 64 }) spaceID!: string
  @Field() postID!: number
  @Field({ max: 64 }) authorID!: string
  @Field({ max: 16 }) state!: string
  @Field() isPinned!: boolean
  @Field() postedAt!: Date
  @Field({ max: 200 }) title!: string
  @Field({ type: 'string', optional: true }) label?: string
  @Field({ type: 'json' }) tags!: readonly string[]
}

/** One entity with every kind of view: by part of the key and beside it, ordered, filtered, counted. */
export const posts = entity(Post, {
  key: ['spaceID', 'postID'],
  views: (v) => ({
    ofSpace: v.rows({ by: 'spaceID', order: { isPinned: 'desc', postedAt: 'asc' } }),
    ofAuthor: v.rows({ by: 'authorID' }),
    openOfSpace: v.rows({ by: 'spaceID', order: { title: 'desc' }, where: { state: 'open' } }),
    labelled: v.rows({ by: ['authorID', 'state'], where: { label: 'hot' } }),
    onDay: v.rows({ by: 'postedAt' }),
    countOfAuthor: v.count({ by: 'authorID' }),
    pinnedOfSpace: v.count({ by: 'spaceID', where: { isPinned: true } }),
    changesOfSpace: v.changes({ by: 'spaceID' }),
    changesOfAuthor: v.changes({ by: 'authorID' }),
  }),
})

/** Its list also changes when a post of the author does. */
export const profiles = defineEntity('profile', {
  fields: { spaceID: field.string({ max: 64 }), authorID: field.string({ max: 64 }), bio: field.string() },
  key: ['spaceID', 'authorID'],
  views: (v) => ({
    changes: v.changes({
      by: 'spaceID',
      touchedBy: [
        touch(posts, (post) =>
          post.state === 'draft' ? undefined : { spaceID: post.spaceID, authorID: post.authorID },
        ),
      ],
    }),
  }),
})

export type PostInput = RowInput<Post>

export const spaceIDs = ['s1', 's:2']
export const authorIDs = ['a%1', '']
export const states = ['open', 'closed', 'draft']
export const days = [new Date(0), new Date(86_400_000)]
export const postIDs = [1, 2.5, -3]

export const post = (change: Partial<PostInput> = {}): PostInput => ({
  spaceID: 's1',
  postID: 1,
  authorID: 'a%1',
  state: 'open',
  isPinned: false,
  postedAt: days[0]!,
  title: 'm',
  tags: ['x'],
  ...change,
})

export const allKeys = spaceIDs.flatMap((spaceID) => postIDs.map((postID) => ({ spaceID, postID })))
