/**
 * Tables of the journal.
 *
 * An append writes to the end of two tables (entries and repeat keys, many per row, in the order of the log) and touches
 * one page per stream (the index of its batches); heads are derived. Every further table sorted by stream or by key would
 * cost one more page per entry or per stream, and pages written to the disk are what an append costs.
 */
export const journalSchema: readonly string[] = [
  `CREATE TABLE journal_streams(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, floor INTEGER NOT NULL);
   CREATE TABLE journal_log(id INTEGER PRIMARY KEY, entries BLOB NOT NULL);
   CREATE TABLE journal_batches(
     stream INTEGER NOT NULL, first INTEGER NOT NULL, count INTEGER NOT NULL, log INTEGER NOT NULL,
     PRIMARY KEY (stream, first)) WITHOUT ROWID;
   CREATE TABLE journal_repeats(log INTEGER PRIMARY KEY, first INTEGER NOT NULL, hashes BLOB NOT NULL)`,
]

/** Table of the segments. */
export const segmentSchema: readonly string[] = [
  'CREATE TABLE segment_streams(name TEXT PRIMARY KEY, last INTEGER NOT NULL) WITHOUT ROWID',
]
