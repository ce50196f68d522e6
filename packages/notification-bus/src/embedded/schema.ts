/**
 * Tables of the change lists: one row per element and list, in which removed elements stay until they are old,
 * and the latest named appends of each list.
 *
 * @param seed - 24 hex digits, from which the epochs of this database's lists are derived.
 */
export const changeListSchema = (seed: string): readonly string[] => [
  `CREATE TABLE change_seed(id INTEGER PRIMARY KEY CHECK (id = 1), seed TEXT NOT NULL);
   INSERT INTO change_seed VALUES (1, '${seed}');
   CREATE TABLE change_lists(
     id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, version INTEGER NOT NULL, floor INTEGER NOT NULL);
   CREATE TABLE change_elements(
     list INTEGER NOT NULL, element TEXT NOT NULL, version INTEGER NOT NULL, inserted INTEGER NOT NULL,
     removed INTEGER NOT NULL, PRIMARY KEY (list, element)) WITHOUT ROWID;
   CREATE INDEX change_elements_by_version ON change_elements(list, version);
   CREATE INDEX change_elements_removed ON change_elements(list, version) WHERE removed = 1`,
  `CREATE TABLE change_operations(
     list INTEGER NOT NULL, operation TEXT NOT NULL, version INTEGER NOT NULL,
     PRIMARY KEY (list, operation)) WITHOUT ROWID;
   CREATE INDEX change_operations_by_version ON change_operations(list, version)`,
]

/** Tables of the event log: the records themselves are in the journal. */
export const eventLogSchema: readonly string[] = [
  `CREATE TABLE log_topics(name TEXT PRIMARY KEY, partitions INTEGER NOT NULL) WITHOUT ROWID;
   CREATE TABLE log_offsets(
     topic TEXT NOT NULL, consumers TEXT NOT NULL, part INTEGER NOT NULL, offset INTEGER NOT NULL,
     PRIMARY KEY (topic, consumers, part)) WITHOUT ROWID`,
]
