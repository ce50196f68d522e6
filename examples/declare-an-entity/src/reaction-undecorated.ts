import { defineEntity, field } from '@parlance/cached-repository'

/** The same entity without a class: nothing loads reflect-metadata. */
export const reactions = defineEntity('reaction', {
  fields: {
    conversationID: field.string(),
    messageSeq: field.number(),
    userID: field.string(),
    emoji: field.string({ max: 32 }),
    reactedAt: field.date(),
  },
  key: ['conversationID', 'messageSeq', 'userID'],
  views: (v) => ({
    ofMessage: v.rows({ by: ['conversationID', 'messageSeq'], order: { reactedAt: 'asc' } }),
    tally: v.count({ by: ['conversationID', 'messageSeq', 'emoji'] }),
    changes: v.changes({ by: 'conversationID' }),
  }),
})
