export {
  createEmbeddedJournal,
  type EmbeddedJournal,
  type EmbeddedJournalOptions,
  type StreamAppend,
} from './journal.ts'
export { createEmbeddedSegmentStore } from './segment-store.ts'
