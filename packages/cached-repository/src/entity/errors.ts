import { ParlanceError } from '@parlance/core'

/** An entity or stream was declared in a way that cannot work; the message names class, field and cure. Thrown at boot. */
export class DeclarationError extends ParlanceError {
  static override readonly code = 'REPOSITORY_DECLARATION'
}

/** A row, key or change was refused before it reached the store; the message names entity and field. */
export class InvalidRowError extends ParlanceError {
  static override readonly code = 'REPOSITORY_INVALID_ROW'
}

/** There is no row with this key. */
export class RowNotFoundError extends ParlanceError {
  static override readonly code = 'REPOSITORY_NOT_FOUND'
}

/** A row with this key exists already, or its revision is not the expected one; nothing was written. */
export class RowConflictError extends ParlanceError {
  static override readonly code = 'REPOSITORY_CONFLICT'
}

/** What is stored does not fit the declaration; the message names entity, field and cure. */
export class IncompatibleStoreError extends ParlanceError {
  static override readonly code = 'REPOSITORY_INCOMPATIBLE_STORE'
}
