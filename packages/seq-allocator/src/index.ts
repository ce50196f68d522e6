export type { AppendedEntry, Journal, NewEntry, StoredEntry, StreamHead } from './journal.ts'
export type { NumberRange, SegmentStore } from './segments.ts'
