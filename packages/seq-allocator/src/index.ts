export type { AppendedEntry, Journal, NewEntry, StoredEntry, StreamHead } from './journal.ts'
export { createSegmentedSequence, type SegmentedSequence, type SegmentedSequenceOptions } from './segmented-sequence.ts'
export type { NumberRange, SegmentStore } from './segments.ts'
