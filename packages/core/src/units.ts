/** A length of time in milliseconds. */
export type Milliseconds = number
/** A size in bytes. */
export type Bytes = number
/** A number of things. */
export type Count = number
/** A point in time: milliseconds since 1970-01-01T00:00:00Z. */
export type Timestamp = number
